"""A run's progress as data, for its page and its HTML report. Values and their JSON; no I/O.

The JSON stays below 64 KB, whatever the run's length and the API's answers, because Airflow's task
state store takes no more. It holds nothing of a row, and nothing of the key.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from airflow_provider_aimlapi.core.calls.completion import COMPLETION_STATUSES
from airflow_provider_aimlapi.core.durable import object_sizes
from airflow_provider_aimlapi.core.durable.bounds import (
    Count,
    Epoch,
    MomentUs,
    NanoUsd,
    RunKey,
    Saving,
)
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.core.reporting.call_figures import Amount, ErrorKind, Latency, Series
from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes
from airflow_provider_aimlapi.errors import AimlapiError, JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Collection

State = Literal[
    "waiting",
    "running",
    "publishing",
    "published",
    "complete",
    "failed",
    "stopped",
    "superseded",
    "parked",
    "sampled",
]
"""The states of a run or an attempt:

- waiting: until an earlier attempt has ended.
- publishing: after the last row.
- stopped: by SIGTERM, or because the task was cleared.
- complete: a share whose rows are all decided. The run's own task publishes it.
- parked: until Airflow starts the same try again.
- sampled: the paid sample of an estimate is complete. The run does not pay for its rows again.
"""
ENDED: frozenset[str] = frozenset(
    {"published", "complete", "failed", "stopped", "superseded", "parked", "sampled"}
)

PROGRESS_BYTES_MAX = 65_535
# More tries than Airflow usually makes. Older ones are joined, so no cost is lost.
ATTEMPTS_MAX = 12
# An error's text, a URI, a model's id. All of them together leave room for the curves.
TEXT_BYTES_MAX = 1_000

Counts = Annotated[dict[str, Count], msgspec.Meta(max_length=32)]
"""Rows by status."""


class AttemptProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of the run.

    Attributes:
        epoch: its number; 0 for an attempt that found the run published, and so has none.
        first_epoch: the first of the attempts that this one stands for; usually `epoch` itself.
        state: the run's state while the attempt lasted. An old attempt that is still "running" was
            killed.
        started_us: microseconds since 1970, UTC.
        updated_us: microseconds since 1970, UTC.
        rows: rows that it decided.
        statuses: these rows by status.
        repaired: those of these rows whose request was repeated, because an answer did not follow the
            schema.
        prompt_tokens: of these rows.
        completion_tokens: of these rows.
        cost_nano_usd: what it paid.
        error: why it ended early.
    """

    epoch: Epoch
    first_epoch: Epoch
    state: State
    started_us: MomentUs
    updated_us: MomentUs
    rows: Count = 0
    statuses: Counts = {}
    repaired: Count = 0
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    requests: Count = 0
    throttled: Count = 0
    cost_nano_usd: NanoUsd = 0
    error: str | None = None


class ReplacedCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a task paid for a run before its next try began another one.

    Attributes:
        updated_us: microseconds since 1970, UTC: the run's last report.
        cost_nano_usd: what the attempts of this task paid.
    """

    model: str
    updated_us: MomentUs
    cost_nano_usd: NanoUsd


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one moment.

    Attributes:
        run_key: None if the task failed before its run had a key.
        input, output, manifest, report: URIs, without credentials.
        rows: all rows of the run.
        rows_done: the rows that are decided.
        rows_reused: the decided rows that earlier attempts decided.
        reused_answers: the decided rows whose answer another run has paid for.
        duplicates: the decided rows with the answer to another row, which makes the same request.
        saved_nano_usd: what was paid for the answers of both.
        statuses: decided rows by status.
        repaired: decided rows whose request was repeated, because an answer did not follow the schema.
        prompt_tokens, completion_tokens: of the decided rows.
        cached_tokens, cache_write_tokens: of these, read from the prompt cache, and written to it.
        cache_reads: decided rows that read from it.
        cache_saved_nano_usd: what that saved by the price list; None if no price is known.
        cost_nano_usd: charged to the run so far, by all attempts.
        budget_nano_usd: the budget; None for none.
        in_flight, window, rows_per_s: at this moment.
        requests, throttled, latency, series, errors: of this attempt.
        bound_s: for how long each bound held back this attempt's calls; see `core.pacing.bound`.
        expected_left_s: seconds until all rows are decided, at this rate; None if not known yet.
        expected_cost_nano_usd: the cost of all rows, at this cost per row; None if not known yet.
        waits_until_us: the latest end of the attempt's wait for others, while the store answers;
            None if it does not wait.
        attempts: the oldest first; this attempt is the last.
        replaced: what this task paid for earlier runs of other keys, the oldest first. Their progress was
            overwritten by this one.
    """

    run_key: RunKey | None
    state: State
    model: str
    input: str = ""
    output: str = ""
    manifest: str = ""
    report: str = ""
    updated_us: MomentUs
    rows: Count = 0
    rows_done: Count = 0
    rows_reused: Count = 0
    reused_answers: Count = 0
    duplicates: Count = 0
    saved_nano_usd: NanoUsd = 0
    statuses: Counts = {}
    repaired: Count = 0
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    cache_reads: Count = 0
    cache_saved_nano_usd: Saving | None = None
    cost_nano_usd: NanoUsd = 0
    budget_nano_usd: NanoUsd | None = None
    in_flight: Count = 0
    window: Count = 0
    rows_per_s: Amount = 0.0
    requests: Count = 0
    throttled: Count = 0
    expected_left_s: Amount | None = None
    expected_cost_nano_usd: Count | None = None
    waits_until_us: MomentUs | None = None
    bound_s: Annotated[dict[str, Amount], msgspec.Meta(max_length=32)] = {}
    latency: Latency = Latency()
    series: Series = Series()
    errors: tuple[ErrorKind, ...] = ()
    attempts: Annotated[tuple[AttemptProgress, ...], msgspec.Meta(max_length=ATTEMPTS_MAX)] = ()
    replaced: Annotated[tuple[ReplacedCost, ...], msgspec.Meta(max_length=ATTEMPTS_MAX)] = ()

    @property
    def cache_hit_rate(self) -> float:
        """The part of the paid answers that read tokens from the prompt cache."""
        answers = sum(self.statuses.get(status, 0) for status in COMPLETION_STATUSES)
        paid = answers - self.reused_answers
        return self.cache_reads / paid if paid > 0 else 0.0


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    """What a run had when an attempt began: rows, rows by status, and cost."""

    rows: int = 0
    statuses: dict[str, int] = {}
    cost_nano_usd: int = 0


_encode = msgspec.json.Encoder().encode


def encode_progress(progress: RunProgress) -> bytes:
    """Return the JSON of a run's progress."""
    return _encode(progress)


def decode_progress(data: bytes | str) -> RunProgress | None:
    """Return the progress in a JSON text; None for anything else, such as another version's."""
    try:
        return decode_stored(
            data, RunProgress, what="progress.json", bytes_max=object_sizes.PROGRESS_BYTES_MAX
        )
    except JournalUnreadable:
        return None


def expected_left_s(rows: int, rows_done: int, rows_per_s: float) -> float | None:
    """Return the seconds until all rows are decided, at this rate."""
    if rows_done >= rows:
        return 0.0
    return round((rows - rows_done) / rows_per_s, 1) if rows_per_s > 0 else None


def expected_cost_nano_usd(cost_nano_usd: int, rows: int, rows_done: int) -> int | None:
    """Return the cost of all rows if the open ones cost as much as the decided ones on average."""
    return round(cost_nano_usd * rows / rows_done) if rows_done else None


def as_parked(progress: RunProgress, notice: str) -> RunProgress:
    """Return a failed run as one that waits; unchanged if it did not fail, or a newer attempt began.

    Args:
        notice: until when it waits, and why.
    """
    # A newer attempt's progress must not be changed by the end of an older one.
    if progress.state != "failed" or not progress.attempts:
        return progress
    *before, last = progress.attempts
    last = msgspec.structs.replace(last, state="parked", error=notice)
    return msgspec.structs.replace(progress, state="parked", attempts=(*before, last))


def error_text(error: BaseException) -> str:
    """Return what a page may show of an error: its name, by which `errors.md` is ordered, and its text.

    The text of an error that is none of this provider may quote anything, so it is left out.
    """
    name = type(error).__name__
    is_ours = isinstance(error, AimlapiError)
    text = f": {error}" if is_ours else ". The task's log contains the details."
    return cut_to_bytes(f"{name}{text}", TEXT_BYTES_MAX)


def failed_early(
    recalled: RunProgress | None, *, error: str, model: str, at_us: int
) -> RunProgress:
    """Return the progress of a task that failed before its run could report.

    Args:
        recalled: what an earlier try of the task stored; its figures stay.
        error: the error's text.
    """
    attempt = AttemptProgress(
        epoch=0,
        first_epoch=0,
        state="failed",
        started_us=at_us,
        updated_us=at_us,
        error=cut_to_bytes(error, TEXT_BYTES_MAX),
    )
    if recalled is None:
        recalled = RunProgress(
            run_key=None,
            state="failed",
            model=cut_to_bytes(model, TEXT_BYTES_MAX),
            updated_us=at_us,
        )
    return msgspec.structs.replace(
        recalled,
        state="failed",
        updated_us=at_us,
        in_flight=0,
        rows_per_s=0.0,
        waits_until_us=None,
        attempts=with_attempt(recalled.attempts, attempt),
    )


def earlier_attempts(
    recalled: RunProgress, inherited: Inherited, released: Collection[int] = ()
) -> tuple[AttemptProgress, ...]:
    """Return the attempts before this one, with the rows and the amount of each.

    Args:
        recalled: the last progress that was published.
        inherited: what the run had before this attempt, by the journal and the parts. An attempt
            that was killed or cleared could not report its last seconds, so what was added since
            then is counted for the last one.
        released: the epochs that released their lease. Their owners ended in order, even if they
            could not report so.
    """
    attempts = [_as_ended(attempt, released) for attempt in recalled.attempts]
    # An attempt without an epoch had no lease, so it decided and paid nothing.
    if attempts and attempts[-1].epoch:
        attempts[-1] = _with_later_work(attempts[-1], recalled, inherited)
    return tuple(attempts)


def _as_ended(attempt: AttemptProgress, released: Collection[int]) -> AttemptProgress:
    if attempt.state in ENDED or attempt.epoch not in released:
        return attempt
    return msgspec.structs.replace(attempt, state="stopped")


def _with_later_work(
    last: AttemptProgress, recalled: RunProgress, inherited: Inherited
) -> AttemptProgress:
    """Return an attempt with what it decided and paid after its last report."""
    # The rows and costs of other tasks, such as a share's, are in `recalled` already.
    paid = max(recalled.cost_nano_usd, sum(one.cost_nano_usd for one in recalled.attempts))
    missing = inherited.cost_nano_usd - paid
    rows = inherited.rows - recalled.rows_done
    statuses = Counter(last.statuses)
    # Otherwise it has reported all that it decided.
    if rows > 0:
        statuses += Counter(inherited.statuses) - Counter(recalled.statuses)
    return msgspec.structs.replace(
        last,
        rows=last.rows + max(0, rows),
        statuses=dict(statuses),
        cost_nano_usd=last.cost_nano_usd + max(0, missing),
    )


def with_attempt(
    earlier: tuple[AttemptProgress, ...], attempt: AttemptProgress
) -> tuple[AttemptProgress, ...]:
    """Return the attempts with one more. If there are too many, the two oldest become one."""
    attempts = [*earlier, attempt]
    while len(attempts) > ATTEMPTS_MAX:
        first, second, *rest = attempts
        attempts = [_join_attempts(first, second), *rest]
    return tuple(attempts)


def _join_attempts(first: AttemptProgress, second: AttemptProgress) -> AttemptProgress:
    return msgspec.structs.replace(
        second,
        first_epoch=first.first_epoch,
        started_us=first.started_us,
        rows=first.rows + second.rows,
        statuses=dict(Counter(first.statuses) + Counter(second.statuses)),
        repaired=first.repaired + second.repaired,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        requests=first.requests + second.requests,
        throttled=first.throttled + second.throttled,
        cost_nano_usd=first.cost_nano_usd + second.cost_nano_usd,
    )
