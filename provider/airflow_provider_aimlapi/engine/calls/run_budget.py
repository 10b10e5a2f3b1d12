"""Make an attempt's budget: earlier charges, a share's part of it, and the price of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.engine.durable.share_budget import limit_to_part
from airflow_provider_aimlapi.errors import ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.calls.request import CompletionSpec
    from airflow_provider_aimlapi.core.money.pricing import CallPrice, TokenPrices
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)

_WITHOUT_PRICE = (
    "So the first call goes alone. After it, at most one call more is in flight than costs are known. "
    "A call that costs more than all before it may exceed the budget."
)


def open_budget(earlier: EarlierAnswers, settings: Settings) -> Budget:
    """Return the run's budget, with all that earlier attempts have paid already charged."""
    budget = Budget(budget_nano_usd=settings.budget_nano_usd)
    # Otherwise a run that is killed ten times could spend its budget ten times.
    for tally in earlier.durable_tallies():
        budget.charge_part(
            tally.cost_nano_usd, answers=tally.paid_answers, unknown=tally.rows_without_cost
        )
    for charges in earlier.charges_nano_usd.values():
        for charge in charges:
            budget.add_charge(charge)
    return budget


async def bound_budget(
    budget: Budget,
    prepared: Prepared,
    epoch: int,
    settings: Settings,
    world: World,
    *,
    head_bytes: int = 0,
) -> None:
    """Limit a budget to the share's part, and find out what a call may cost at most.

    Without `max_cost_usd` there is nothing to limit, and no request is made.

    Args:
        head_bytes: as for `TokenPrices.call_price`.

    Raises:
        JournalUnreadable, StoreUnavailable: what other shares have spent cannot be read.
    """
    if settings.max_cost_usd is None:
        return
    checked = prepared.with_check(world.stop.raise_if_requested)
    await world.scan(limit_to_part, budget, checked, epoch, world.clock)
    budget.price = await _call_price(world.ask_prices, prepared.job.completion, head_bytes)


async def _call_price(
    ask_prices: Callable[[str], Awaitable[TokenPrices | None]],
    completion: CompletionSpec,
    head_bytes: int,
) -> CallPrice | None:
    """Return the most that a call may cost; None, after a warning, if that cannot be known."""
    model = completion.model
    try:
        prices = await ask_prices(model)
    except ApiError as error:
        log.warning("max_cost_usd: the price list did not answer (%s). %s", error, _WITHOUT_PRICE)
        return None
    if prices is None:
        log.warning(
            "max_cost_usd: the price list has no prices by the token for %s. %s",
            model,
            _WITHOUT_PRICE,
        )
        return None
    price = prices.call_price(model, completion.max_tokens, head_bytes)
    if price is None:
        log.warning(
            "max_cost_usd: the longest answer of %s is not known. Set max_tokens. %s",
            model,
            _WITHOUT_PRICE,
        )
    return price
