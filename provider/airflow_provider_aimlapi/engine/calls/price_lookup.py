"""Looks up what a run's calls may cost, before the first of them. A budget's aid, never its master."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.calls.request import CompletionSpec
    from airflow_provider_aimlapi.core.money.pricing import CallPrice, TokenPrices

log = logger(__name__)

WITHOUT = (
    "So the first call goes alone, and no more calls are in flight than costs are known, and one more. "
    "A call that costs more than all before it may pass the budget."
)


async def look_up_call_price(
    ask_prices: Callable[[str], Awaitable[TokenPrices | None]], completion: CompletionSpec
) -> CallPrice | None:
    """What a call may cost at most; None, and a warning, when that cannot be known."""
    model = completion.model
    try:
        prices = await ask_prices(model)
    except ApiError as error:
        log.warning("max_cost_usd: the price list did not answer (%s). %s", error, WITHOUT)
        return None
    if prices is None:
        log.warning(
            "max_cost_usd: the price list has no prices by the token for %s. %s", model, WITHOUT
        )
        return None
    price = prices.call_price(model, completion.max_tokens)
    if price is None:
        log.warning(
            "max_cost_usd: nothing says how long an answer of %s may be. Set max_tokens. %s",
            model,
            WITHOUT,
        )
    return price
