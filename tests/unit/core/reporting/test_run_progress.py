"""Progress reads back as it was written, never outgrows its place, and adds up over attempts."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from airflow_provider_aimlapi.core.calls.completion import STATUSES
from airflow_provider_aimlapi.core.reporting.call_figures import ErrorKind, Latency, Series
from airflow_provider_aimlapi.core.reporting.measures import (
    ERROR_KINDS_MAX,
    SAMPLE_BYTES_MAX,
    SAMPLES_MAX,
    SERIES_POINTS_MAX,
    SHOWN_BINS_MAX,
)
from airflow_provider_aimlapi.core.reporting.run_progress import (
    ATTEMPTS_MAX,
    PROGRESS_BYTES_MAX,
    TEXT_BYTES_MAX,
    AttemptProgress,
    Inherited,
    ReplacedCost,
    RunProgress,
    decode_progress,
    earlier_attempts,
    encode_progress,
    error_text,
    expected_cost_nano_usd,
    expected_left_s,
    failed_early,
    with_attempt,
)
from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes
from airflow_provider_aimlapi.errors import InvalidSpec

ATTEMPT = AttemptProgress(epoch=1, first_epoch=1, state="running", started_us=1, updated_us=2)
PROGRESS = RunProgress(
    run_key="ab" * 16,
    state="running",
    model="anthropic/claude-sonnet-4-6-20260218",
    input="s3://lake/in",
    output="s3://lake/out",
    manifest="s3://lake/out/_aimlapi/ab/manifest.json",
    report="s3://lake/out/_aimlapi/ab/report.html",
    updated_us=2,
    rows=100,
    attempts=(ATTEMPT,),
)


def paid(epoch: int, cost_nano_usd: int) -> AttemptProgress:
    return replace(
        ATTEMPT,
        epoch=epoch,
        first_epoch=epoch,
        cost_nano_usd=cost_nano_usd,
        rows=epoch,
        statuses={"ok": epoch - 1, "skipped": 1},
        prompt_tokens=epoch * 2,
        completion_tokens=epoch * 3,
    )


def test_it_reads_back() -> None:
    assert decode_progress(encode_progress(PROGRESS)) == PROGRESS


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff", b'{"run_key": 7}', b'{"state": "unheard of"}']
)
def test_what_is_no_progress_is_none(data: bytes) -> None:
    assert decode_progress(data) is None


def test_the_largest_fits_into_the_task_state_store() -> None:
    """The store measures what `json.dumps` makes of it."""
    many = 10**18
    text = cut_to_bytes("\U0001f4a5" * 10_000, TEXT_BYTES_MAX)
    sample = cut_to_bytes("\U0001f4a5" * 10_000, SAMPLE_BYTES_MAX)
    column = tuple(range(many, many + SERIES_POINTS_MAX))
    small = tuple(range(100_000, 100_000 + SERIES_POINTS_MAX))
    statuses = dict.fromkeys(STATUSES, many)
    tokens = dict.fromkeys(("prompt_tokens", "completion_tokens"), many)
    attempt = replace(
        ATTEMPT, error=text, cost_nano_usd=many, rows=many, statuses=statuses, **tokens
    )
    largest = replace(
        PROGRESS,
        **dict.fromkeys(("model", "input", "output", "manifest", "report"), text),
        statuses=statuses,
        latency=Latency(bins=((123456.78, many),) * SHOWN_BINS_MAX),
        series=Series(
            at_s=tuple(point + 0.1 for point in small),
            rows=small,
            in_flight=small,
            window=small,
            throttled=small,
            cost_nano_usd=column,
        ),
        errors=(ErrorKind(kind="k" * 40, status=400, count=many, samples=(sample,) * SAMPLES_MAX),)
        * ERROR_KINDS_MAX,
        attempts=(attempt,) * ATTEMPTS_MAX,
        replaced=(ReplacedCost(model="m" * 190, updated_us=2**50, cost_nano_usd=many),)
        * ATTEMPTS_MAX,
    )
    size = len(json.dumps(json.loads(encode_progress(largest))))
    assert size <= PROGRESS_BYTES_MAX
    assert size > PROGRESS_BYTES_MAX / 2  # else the limits are tighter than they need be


@pytest.mark.parametrize(
    ("done", "rate", "left_s"), [(100, 0.0, 0.0), (40, 3.0, 20.0), (40, 0.0, None)]
)
def test_the_time_left_follows_the_rate(done: int, rate: float, left_s: float | None) -> None:
    assert expected_left_s(100, done, rate) == left_s


def test_the_expected_cost_is_in_proportion() -> None:
    assert expected_cost_nano_usd(300, 100, 30) == 1000
    assert expected_cost_nano_usd(0, 100, 0) is None


def test_killed_attempts_unreported_counts_are_its_own() -> None:
    recalled = replace(PROGRESS, attempts=(paid(1, 500), paid(2, 100)))
    first, second = earlier_attempts(recalled, Inherited(cost_nano_usd=640))
    assert (first.cost_nano_usd, second.cost_nano_usd) == (500, 140)


def test_cleared_attempt_gets_rows_that_it_could_not_report() -> None:
    last = replace(paid(2, 100), state="running", rows=10, statuses={"ok": 9, "rejected": 1})
    recalled = replace(
        PROGRESS,
        cost_nano_usd=900,  # 800 of it by a share, which another task has reported
        rows_done=30,
        statuses={"ok": 28, "rejected": 2},
        attempts=(last,),
    )
    inherited = Inherited(rows=37, statuses={"ok": 34, "rejected": 3}, cost_nano_usd=970)
    (found,) = earlier_attempts(recalled, inherited, released={2})
    assert (found.state, found.rows, found.cost_nano_usd) == ("stopped", 17, 170)
    assert found.statuses == {"ok": 15, "rejected": 2}
    (silent,) = earlier_attempts(recalled, inherited, released={1})
    assert silent.state == "running"  # it was killed


def test_text_of_a_foreign_error_reaches_no_page() -> None:
    assert error_text(KeyError("what a row says")) == (
        "KeyError. The task's log contains the details."
    )
    assert error_text(InvalidSpec("prompt is empty.")) == "InvalidSpec: prompt is empty."


def test_early_failure_is_an_attempt_without_a_number() -> None:
    first = failed_early(None, error="x" * 5_000, model="m", at_us=7)
    assert (first.run_key, first.state, first.rows) == (None, "failed", 0)
    assert decode_progress(encode_progress(first)) == first
    assert len(first.attempts[0].error or "") <= TEXT_BYTES_MAX
    recalled = replace(PROGRESS, in_flight=20, attempts=(paid(1, 500),))
    later = failed_early(recalled, error="no key", model="m", at_us=9)
    assert (later.run_key, later.state, later.in_flight) == (PROGRESS.run_key, "failed", 0)
    assert [(one.epoch, one.error) for one in later.attempts] == [(1, None), (0, "no key")]


def test_what_was_told_is_never_taken_back() -> None:
    recalled = replace(PROGRESS, attempts=(paid(1, 500),))
    assert earlier_attempts(recalled, Inherited(cost_nano_usd=400)) == recalled.attempts


def test_too_many_attempts_become_fewer_and_their_sums_stay() -> None:
    attempts: tuple[AttemptProgress, ...] = ()
    for epoch in range(1, 31):
        attempts = with_attempt(attempts, paid(epoch, epoch * 10))
    assert len(attempts) == ATTEMPTS_MAX
    assert sum(attempt.cost_nano_usd for attempt in attempts) == sum(range(10, 301, 10))
    assert sum(sum(attempt.statuses.values()) for attempt in attempts) == sum(range(1, 31))
    assert sum(attempt.statuses["skipped"] for attempt in attempts) == 30
    assert sum(attempt.prompt_tokens for attempt in attempts) == 2 * sum(range(1, 31))
    assert sum(attempt.completion_tokens for attempt in attempts) == 3 * sum(range(1, 31))
    assert (attempts[0].first_epoch, attempts[0].epoch) == (1, 30 - ATTEMPTS_MAX + 1)
    assert attempts[-1] == paid(30, 300)
