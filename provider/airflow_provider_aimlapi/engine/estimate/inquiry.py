"""An estimate of a run's bill: reads, asks what costs nothing, reckons. Only a paid sample writes.

survey → find remains → read an excerpt → (ask a sample) → ask prices and account → forecast

Whatever would stop the run before its first call stops the estimate, with the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.estimate import forecast
from airflow_provider_aimlapi.core.money.estimate_report import Estimate
from airflow_provider_aimlapi.core.texts.number_range import check_whole_number
from airflow_provider_aimlapi.engine.estimate.excerpt import rows_at, sample_of
from airflow_provider_aimlapi.engine.estimate.funds import ask_funds
from airflow_provider_aimlapi.engine.estimate.sample import ask_sample
from airflow_provider_aimlapi.engine.estimate.survey import look
from airflow_provider_aimlapi.engine.prepare import prepare, survey
from airflow_provider_aimlapi.errors import ApiError, InvalidSpec
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.engine.estimate.excerpt import RowPlace
    from airflow_provider_aimlapi.engine.estimate.survey import Known
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)

SAMPLE_ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """How an estimate is to be made.

    Attributes:
        sample_rows: answers of this run to measure by; those missing are asked for, and paid. 0:
            nothing is spent, and what earlier attempts left is all there is to measure.
        answer_tokens: mean length of an answer, if the caller knows; a measurement goes first.

    Raises:
        InvalidSpec: at construction, naming the argument.
    """

    sample_rows: int = 0
    answer_tokens: int | None = None

    def __post_init__(self) -> None:
        check_whole_number("sample_rows", self.sample_rows, least=0, most=SAMPLE_ROWS_MAX)
        if self.answer_tokens is not None:
            check_whole_number("answer_tokens", self.answer_tokens, least=1, most=1_000_000)


async def estimate(
    job: Job,
    settings: Settings,
    inquiry: Inquiry,
    world: World,
    ask_account: Callable[[], Awaitable[Account]],
) -> Estimate:
    """What a run will probably cost.

    Raises:
        SetupError: as for the run. AccessRefused: the key may not even ask for its balance.
        AimlapiError: of a paid sample, as for the run; what was paid for is kept for it.
    """
    longest = job.completion.max_tokens
    if longest is not None and (inquiry.answer_tokens or 0) > longest:
        raise InvalidSpec(
            f"answer_tokens={inquiry.answer_tokens} is more than max_tokens={longest} allows."
        )
    check = world.stop.check
    prepared, has_begun = await world.scan(survey, job, world.open_store, world.clock, check=check)
    known = await _look(prepared, settings, world, has_begun=has_begun)
    paid_before = known.paid_nano_usd
    rows = sample_of(
        known.excerpt,
        without=known.outcomes.keys(),
        count=max(0, inquiry.sample_rows - known.answers),
    )
    if rows:
        known = await _ask_sample(rows, job, settings, world)
    evidence = known.evidence()
    prices = await _prices(world, job.completion.model)
    return Estimate(
        run_key=prepared.names.run_key,
        model=job.completion.model,
        is_published=prepared.manifest is not None,
        evidence=evidence,
        forecast=forecast(
            evidence, prices, max_tokens=longest, answer_tokens=inquiry.answer_tokens
        ),
        prices=prices,
        funds=await ask_funds(ask_account, settings.budget_nano_usd, evidence.paid_nano_usd),
        sample_rows=len(rows),
        sample_nano_usd=evidence.paid_nano_usd - paid_before,
    )


async def _look(prepared: Prepared, settings: Settings, world: World, *, has_begun: bool) -> Known:
    return await world.scan(
        look,
        prepared.checked(world.stop.check),
        world.clock,
        has_begun=has_begun,
        retry_rejected=settings.retry_rejected,
    )


async def _ask_sample(places: list[RowPlace], job: Job, settings: Settings, world: World) -> Known:
    """Ask for those rows as a run does, and look again."""
    check = world.stop.check
    prepared = await world.scan(prepare, job, world.open_store, world.clock, check=check)
    rows = await world.scan(rows_at, prepared, places)
    log.info("Asking for a paid sample of %s rows.", f"{len(rows):,}")
    await ask_sample(prepared, rows, settings, world)
    return await _look(prepared, settings, world, has_begun=True)


async def _prices(world: World, model: str) -> TokenPrices | None:
    try:
        return await world.ask_prices(model)
    except ApiError as error:
        log.warning("The price list did not answer, so the estimate has no prices: %s", error)
        return None
