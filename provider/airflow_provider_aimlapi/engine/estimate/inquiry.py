"""Estimate the bill of a run from its input, its earlier answers and the price list.

survey → earlier answers → excerpt → (sample) → prices and account → forecast

Only a paid sample costs anything or writes. An error that would end the run before its first call
ends the estimate too, with the same text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.estimate import forecast_cost
from airflow_provider_aimlapi.core.money.estimate_report import Estimate
from airflow_provider_aimlapi.core.texts.setting_ranges import check_settings
from airflow_provider_aimlapi.engine.calls.marks.marked_calls import MarkedCalls
from airflow_provider_aimlapi.engine.estimate.excerpt import rows_at, sample_of
from airflow_provider_aimlapi.engine.estimate.funds import fetch_funds
from airflow_provider_aimlapi.engine.estimate.sample import send_sample
from airflow_provider_aimlapi.engine.estimate.survey import read_known
from airflow_provider_aimlapi.engine.prepare import prepare_run, survey_run
from airflow_provider_aimlapi.engine.replaced_run import warn_of_replaced
from airflow_provider_aimlapi.errors import ApiError, InvalidSpec
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.engine.estimate.excerpt import RowPosition
    from airflow_provider_aimlapi.engine.estimate.survey import KnownRows
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What an estimate may use.

    Attributes:
        sample_rows: the number of answers to measure; missing ones are paid for. With 0 nothing is
            spent, and only the answers of earlier attempts are measured.
        answer_tokens: the mean length of an answer, if the caller knows it. A measurement is used
            instead, where there is one.

    Raises:
        InvalidSpec: at construction, naming the argument.
    """

    sample_rows: int = 0
    answer_tokens: int | None = None

    def __post_init__(self) -> None:
        check_settings({"sample_rows": self.sample_rows, "answer_tokens": self.answer_tokens})


async def estimate_run(
    job: Job,
    settings: Settings,
    inquiry: Inquiry,
    world: World,
    ask_account: Callable[[], Awaitable[Account]],
) -> Estimate:
    """Return what a run will probably cost.

    Raises:
        SetupError: as for the run. AccessRefused: the key may not even fetch its balance.
        AimlapiError: a paid sample failed, as a run may; its answers are kept for the run.
    """
    longest = job.completion.max_tokens
    if longest is not None and (inquiry.answer_tokens or 0) > longest:
        raise InvalidSpec(
            f"answer_tokens={inquiry.answer_tokens} is more than max_tokens={longest} allows."
        )
    check = world.stop.raise_if_requested
    prepared, has_begun = await world.scan(
        survey_run, job, world.open_store, world.clock, check=check
    )
    await warn_of_replaced(prepared.replaced, world)
    known = await _read_known(prepared, settings, world, has_begun=has_begun)
    # The sample adds to what the run has cost, so its own cost is the difference.
    paid_before = known.paid_nano_usd
    rows = sample_of(
        known.excerpt,
        without=known.not_sent,
        count=max(0, inquiry.sample_rows - known.kept_answers),
    )
    if rows:
        known = await _send_sample(rows, job, settings, world)
    basis = known.basis_of_estimate()
    is_marking = settings.cache_prompt == "auto"
    head_bytes = MarkedCalls(prepared, world.clock, is_wanted=is_marking).head_bytes
    prices = await _fetch_prices(world, job.completion.model)
    return Estimate(
        run_key=prepared.names.run_key,
        model=job.completion.model,
        is_published=prepared.manifest is not None,
        basis=basis,
        forecast=forecast_cost(
            basis,
            prices,
            max_tokens=longest,
            answer_tokens=inquiry.answer_tokens,
            head_bytes=head_bytes,
            in_flight=settings.max_concurrency,
        ),
        prices=prices,
        funds=await fetch_funds(ask_account, settings.budget_nano_usd, basis.paid_nano_usd),
        sample_rows=len(rows),
        sample_nano_usd=basis.paid_nano_usd - paid_before,
    )


async def _read_known(
    prepared: Prepared, settings: Settings, world: World, *, has_begun: bool
) -> KnownRows:
    return await world.scan(
        read_known,
        prepared.with_check(world.stop.raise_if_requested),
        world.open_store,
        world.clock,
        world.stop.raise_if_requested,
        has_begun=has_begun,
        retry_rejected=settings.retry_rejected,
    )


async def _send_sample(
    positions: list[RowPosition], job: Job, settings: Settings, world: World
) -> KnownRows:
    """Send these rows as a run does, and read again what is known."""
    check = world.stop.raise_if_requested
    prepared = await world.scan(prepare_run, job, world.open_store, world.clock, check=check)
    rows = await world.scan(rows_at, prepared, positions, world.clock)
    log.info("Sending a paid sample of %s rows.", f"{len(rows):,}")
    await send_sample(prepared, rows, settings, world)
    return await _read_known(prepared, settings, world, has_begun=True)


async def _fetch_prices(world: World, model: str) -> TokenPrices | None:
    try:
        return await world.ask_prices(model)
    except ApiError as error:
        log.warning("The price list did not answer, so the estimate has no prices: %s", error)
        return None
