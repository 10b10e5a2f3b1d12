"""A run's progress as data: what its page and its HTML report show. Values and their JSON; no I/O.

As JSON it stays below 64 KB, whatever the run's length and whatever the API said: that is what
Airflow's task state store takes. It holds nothing of a row, and nothing of the key.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import msgspec

from airflow_provider_aimlapi.core.durable import object_sizes
from airflow_provider_aimlapi.core.durable.bounds import Count, Epoch, MomentUs, NanoUsd, RunKey
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

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
]
"""Waiting is for an earlier attempt to let go; publishing is after the last row; stopped is by SIGTERM or a cleared task; complete is a
share whose rows are all decided, and which the run's own task publishes; parked is until Airflow
starts the same try again."""
ENDED: frozenset[str] = frozenset(
    {"published", "complete", "failed", "stopped", "superseded", "parked"}
)

PROGRESS_BYTES_MAX = 65_535
ATTEMPTS_MAX = 12
TEXT_BYTES_MAX = 1_000

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""Of time or of rows a second. JSON holds no infinity, and nothing that is not a number."""
Counts = Annotated[dict[str, Count], msgspec.Meta(max_length=32)]
"""Rows by status."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long this attempt's answered calls took, in milliseconds.

    Attributes:
        bins: upper edge and calls of each bin of a histogram, from the shortest on.
    """

    calls: Count = 0
    p50_ms: Amount = 0.0
    p90_ms: Amount = 0.0
    p99_ms: Amount = 0.0
    max_ms: Amount = 0.0
    bins: tuple[tuple[Amount, Count], ...] = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """This attempt over time, column by column.

    Attributes:
        at_s: since the attempt began.
        rows: that it had decided. throttled, cost_nano_usd: so far, of this attempt.
        in_flight, window: calls in flight, and allowed.
    """

    at_s: tuple[Amount, ...] = ()
    rows: tuple[Count, ...] = ()
    in_flight: tuple[Count, ...] = ()
    window: tuple[Count, ...] = ()
    throttled: tuple[Count, ...] = ()
    cost_nano_usd: tuple[NanoUsd, ...] = ()


class ErrorKind(msgspec.Struct, frozen=True, kw_only=True):
    """Failed exchanges of one kind.

    Attributes:
        kind: the name of a class in `errors`. status: HTTP's; None when no answer came.
        samples: a few of their texts.
    """

    kind: str
    status: Count | None
    count: Count
    samples: tuple[str, ...] = ()


class AttemptProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of the run.

    Attributes:
        epoch: its number; 0 for one that found the run published, and took none.
        first_epoch: the first of the attempts that this stands for; mostly `epoch` itself.
        state: as of the run while it lasted; an old one that still says "running" was killed.
        started_us, updated_us: microseconds since 1970, UTC.
        rows, statuses: that it decided; by status. prompt_tokens, completion_tokens: theirs.
        cost_nano_usd: that it paid.
        error: why it ended early.
    """

    epoch: Epoch
    first_epoch: Epoch
    state: State
    started_us: MomentUs
    updated_us: MomentUs
    rows: Count = 0
    statuses: Counts = {}
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    requests: Count = 0
    throttled: Count = 0
    cost_nano_usd: NanoUsd = 0
    error: str | None = None


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands.

    Attributes:
        input, output, manifest, report: URIs, without credentials.
        rows, rows_done, rows_reused: of the run; decided; of these by earlier attempts.
        statuses: rows decided, by status. prompt_tokens, completion_tokens: theirs.
        cost_nano_usd: charged to the run so far, by all attempts. budget_nano_usd: None for none.
        in_flight, window, rows_per_s: now.
        requests, throttled, latency, series, errors: of this attempt.
        bound_s: for how long what held this attempt's calls back; see `core.pacing.bound`.
        expected_left_s, expected_cost_nano_usd: until all rows are decided, if it goes on like
            this; None while nobody can know.
        waits_until_us: when the attempt has ended its wait for others at the latest, while the store
            answers; None while it does not wait.
        attempts: oldest first; this one is the last.
    """

    run_key: RunKey
    state: State
    model: str
    input: str
    output: str
    manifest: str
    report: str
    updated_us: MomentUs
    rows: Count
    rows_done: Count = 0
    rows_reused: Count = 0
    statuses: Counts = {}
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
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


_encode = msgspec.json.Encoder().encode


def encode_progress(progress: RunProgress) -> bytes:
    """JSON of a run's progress."""
    return _encode(progress)


def decode_progress(data: bytes | str) -> RunProgress | None:
    """Progress as it was encoded; None for anything else, such as another version's."""
    try:
        return decode_stored(
            data, RunProgress, what="progress.json", bytes_max=object_sizes.PROGRESS_BYTES_MAX
        )
    except JournalUnreadable:
        return None


def expected_left_s(rows: int, rows_done: int, rows_per_s: float) -> float | None:
    """Seconds until all rows are decided, at this rate."""
    if rows_done >= rows:
        return 0.0
    return round((rows - rows_done) / rows_per_s, 1) if rows_per_s > 0 else None


def expected_cost_nano_usd(cost_nano_usd: int, rows: int, rows_done: int) -> int | None:
    """What all rows will have cost, if the others cost what these did on average."""
    return round(cost_nano_usd * rows / rows_done) if rows_done else None


def parked(progress: RunProgress, said: str) -> RunProgress:
    """A run whose last attempt failed, as one that waits; unchanged if it did not, or a newer began.

    Args:
        said: until when and why.
    """
    if progress.state != "failed" or not progress.attempts:
        return progress
    *before, last = progress.attempts
    last = msgspec.structs.replace(last, state="parked", error=said)
    return msgspec.structs.replace(progress, state="parked", attempts=(*before, last))


def earlier_attempts(recalled: RunProgress, paid_nano_usd: int) -> tuple[AttemptProgress, ...]:
    """The attempts before this one, with what each paid.

    Args:
        recalled: the last progress that was published.
        paid_nano_usd: what the journal and the parts say that they paid together. Whoever was
            killed could not tell of the last seconds: what is missing was paid by the last one.
    """
    if not recalled.attempts:
        return ()
    *before, last = recalled.attempts
    missing = paid_nano_usd - sum(attempt.cost_nano_usd for attempt in recalled.attempts)
    if missing > 0:
        last = msgspec.structs.replace(last, cost_nano_usd=last.cost_nano_usd + missing)
    return (*before, last)


def with_attempt(
    earlier: tuple[AttemptProgress, ...], attempt: AttemptProgress
) -> tuple[AttemptProgress, ...]:
    """The attempts with one more; the two oldest become one when they are too many."""
    attempts = [*earlier, attempt]
    while len(attempts) > ATTEMPTS_MAX:
        first, second, *rest = attempts
        attempts = [_together(first, second), *rest]
    return tuple(attempts)


def _together(first: AttemptProgress, second: AttemptProgress) -> AttemptProgress:
    return msgspec.structs.replace(
        second,
        first_epoch=first.first_epoch,
        started_us=first.started_us,
        rows=first.rows + second.rows,
        statuses=dict(Counter(first.statuses) + Counter(second.statuses)),
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        requests=first.requests + second.requests,
        throttled=first.throttled + second.throttled,
        cost_nano_usd=first.cost_nano_usd + second.cost_nano_usd,
    )
