"""A run tells how it stands: beside its output, in a report, and to a sink that may fail."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pytest

from aimlapi_simulator import Account, Fault, Script
from airflow_provider_aimlapi.core.reporting.run_progress import (
    RunProgress,
    decode_progress,
    encode_progress,
)
from airflow_provider_aimlapi.engine.blocking import RunPage, run_job
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AccessRefused, RunInterrupted
from airflow_provider_aimlapi.plugins.listed.stored_run import decode_run
from tests.fakes.prepared_run import PreparedRun, ScriptedApi

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

ROWS = 40


def read(place: Workplace, name: str) -> bytes:
    (path,) = [path for path in place.fs.find(place.output) if path.endswith(f"/{name}")]
    return bytes(place.fs.cat_file(path))


def progress_of(place: Workplace) -> RunProgress:
    progress = decode_progress(read(place, "progress.json"))
    assert progress is not None
    return progress


@pytest.fixture
def rows(place: Workplace) -> Workplace:
    place.write(pa.table({"body": [f"Text number {number}." for number in range(ROWS)]}))
    return place


def test_a_published_run_tells_what_its_report_tells(rows: Workplace) -> None:
    report = rows.run()
    told = progress_of(rows)
    assert (told.state, told.rows, told.rows_done) == ("published", ROWS, ROWS)
    assert told.statuses["ok"] == ROWS
    assert told.cost_nano_usd == report.tally.cost_nano_usd > 0
    assert (told.prompt_tokens, told.completion_tokens) == (
        report.tally.prompt_tokens,
        report.tally.completion_tokens,
    )
    assert (told.requests, told.latency.calls) == (report.requests, ROWS)
    assert told.latency.p50_ms > 0
    assert told.expected_left_s == 0.0
    assert told.expected_cost_nano_usd == told.cost_nano_usd
    assert told.series.rows[-1] == ROWS
    assert told.manifest == report.manifest
    (attempt,) = told.attempts
    assert (attempt.state, attempt.rows, attempt.cost_nano_usd) == (
        "published",
        ROWS,
        told.cost_nano_usd,
    )


def test_the_html_report_holds_the_same(rows: Workplace) -> None:
    rows.run()
    html = read(rows, "report.html").decode()
    (data,) = re.findall(r'id="progress">(.*?)</script>', html)
    assert decode_progress(json.dumps(json.loads(data))) == progress_of(rows)


def test_each_attempt_keeps_what_it_paid(rows: Workplace) -> None:
    rows.sim.follow(Script(faults=(Fault(kind="403", after=15),)))
    with pytest.raises(AccessRefused):
        rows.run(max_concurrency=1)
    failed = progress_of(rows)
    assert failed.state == "failed"
    assert failed.attempts[-1].error is not None
    assert failed.rows_done == 15
    assert b'id="progress"' in read(rows, "report.html")
    rows.sim.follow(Script())
    report = rows.run()
    first, second = progress_of(rows).attempts
    assert (first.state, first.rows, first.epoch) == ("failed", 15, 1)
    assert (second.state, second.rows, second.epoch) == ("published", ROWS - 15, 2)
    assert first.cost_nano_usd + second.cost_nano_usd == report.tally.cost_nano_usd
    assert first.cost_nano_usd == failed.cost_nano_usd > 0


def test_a_run_that_was_published_before_tells_so(rows: Workplace) -> None:
    rows.run()
    before = read(rows, "report.html")
    rows.run()
    told = progress_of(rows)
    assert (told.state, told.rows_done) == ("published", ROWS)
    assert [attempt.epoch for attempt in told.attempts] == [1, 0]
    assert told.attempts[-1].cost_nano_usd == 0
    assert read(rows, "report.html") == before


def test_errors_are_counted_by_kind_without_the_prompt(rows: Workplace) -> None:
    rows.sim.follow(
        Script(
            faults=(
                Fault(kind="503", times=3),
                Fault(
                    kind="raw",
                    status=400,
                    contains="Text number 7.",
                    body='{"message": "Cannot take: Text number 7. <b>Sorry</b>"}',
                ),
            )
        )
    )
    rows.run()
    told = {(error.kind, error.status): error for error in progress_of(rows).errors}
    assert told["ApiUnavailable", 503].count == 3
    rejected = told["RequestRejected", 400]
    assert rejected.count == 2
    assert rejected.samples == ("HTTP 400: Cannot …",)
    assert "Text number" not in read(rows, "progress.json").decode()


def test_the_key_is_nowhere(rows: Workplace) -> None:
    rows.sim.follow(Script(account=Account(key="another")))
    with pytest.raises(AccessRefused):
        rows.run()
    for name in ("progress.json", "report.html"):
        assert b"runs-secret-key" not in read(rows, name)


class BrokenSink:
    """A screen that is always down."""

    interval_s = 0.001
    is_shared = False

    def __init__(self, *_: Any) -> None:
        self.failures = 0

    def recall(self) -> bytes | None:
        self.failures += 1
        raise RuntimeError("nobody home")

    def publish(self, data: bytes) -> None:
        self.failures += 1
        raise OSError(f"{len(data)} bytes were not taken")


def test_failing_sink_harms_no_run_and_is_logged_once(
    rows: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    sink = BrokenSink()
    with caplog.at_level(logging.WARNING):
        report = run_job(
            rows.job(), Settings(), page=RunPage(open_sink=lambda _store, _names: sink)
        )
    assert report.tally.ok == ROWS
    assert sink.failures > 2
    assert [record for record in caplog.messages if "not up to date" in record] == [
        "The run page is not up to date, but the run continues: RuntimeError: nobody home"
    ]


class RememberingSink:
    """A place of one task alone."""

    interval_s = 0.001
    is_shared = False

    def __init__(self) -> None:
        self.published: list[RunProgress] = []

    def recall(self) -> bytes | None:
        return None

    def publish(self, data: bytes) -> None:
        progress = decode_progress(data)
        assert progress is not None
        self.published.append(progress)


def test_progress_grows_and_ends_with_the_publication(rows: Workplace) -> None:
    sink = RememberingSink()
    run_job(
        rows.job(), Settings(max_concurrency=4), page=RunPage(open_sink=lambda _store, _names: sink)
    )
    states = [progress.state for progress in sink.published]
    done = [progress.rows_done for progress in sink.published]
    assert (states[0], states[1], *states[-2:]) == (
        "waiting",
        "running",
        "publishing",
        "published",
    )
    assert done == sorted(done)
    assert done[-1] == ROWS
    assert len(states) > 4


class TaskSink:
    """The state of one task, which its next run finds whatever its key is."""

    interval_s = 0.05
    is_shared = False

    def __init__(self) -> None:
        self.data: bytes | None = None

    def recall(self) -> bytes | None:
        return self.data

    def publish(self, data: bytes) -> None:
        self.data = data


def test_sum_keeps_the_cost_of_a_replaced_run(rows: Workplace) -> None:
    """A task that is cleared after its prompt has changed begins another run."""
    sink = TaskSink()
    page = RunPage(open_sink=lambda _store, _names: sink)
    for prompt in ("A: {body}", "B: {body}", "C: {body}", "A: {body}"):
        run_job(rows.job(prompt=prompt), Settings(), page=page)
    told = decode_progress(sink.data or b"")
    assert told is not None
    billed = round(sum(record.usd for record in rows.sim.ledger.billed) * 1e9)
    assert sum(one.cost_nano_usd for one in told.replaced) == billed > told.cost_nano_usd > 0
    assert told.attempts[-1].cost_nano_usd == 0
    listed = decode_run((sink.data or b"").decode())
    assert listed is not None
    assert sum(one.nano_usd for one in (*listed.paid, *listed.paid_before)) == billed


def test_same_job_at_another_output_is_another_run(rows: Workplace) -> None:
    """It pays for its rows again, and its page names its own output."""
    sink = TaskSink()
    page = RunPage(open_sink=lambda _store, _names: sink)
    for folder in ("one", "two"):
        output = OpenLocation(fs=rows.fs, path=f"{rows.output}/{folder}")
        run_job(rows.job(output=output), Settings(), page=page)
    told = decode_progress(sink.data or b"")
    assert told is not None
    assert told.output.endswith("/two")
    assert len(told.attempts) == 1
    billed = round(sum(record.usd for record in rows.sim.ledger.billed) * 1e9)
    assert [one.cost_nano_usd for one in told.replaced] == [billed - told.cost_nano_usd]


async def test_early_failure_keeps_what_earlier_tries_paid() -> None:
    """An attempt may fail before it has a lease, and so before it has begun to report."""
    run = PreparedRun(["a"])
    sink = TaskSink()
    world = replace(run.world(ScriptedApi()), open_sink=lambda _store, _names: sink)
    await Reporter(run.prepared, Settings(), world).report_begin(1)
    before = decode_progress(sink.data or b"")
    assert before is not None
    attempt = msgspec.structs.replace(before.attempts[0], cost_nano_usd=500)
    sink.data = encode_progress(msgspec.structs.replace(before, attempts=(attempt,)))
    await Reporter(run.prepared, Settings(), world).report_failure(RunInterrupted("stopped"))
    after = decode_progress(sink.data)
    assert after is not None
    assert [one.cost_nano_usd for one in after.attempts] == [500, 0]


class ClearedSink:
    """The state store of a task that is cleared after some rows: Airflow stores nothing of it any more."""

    interval_s = 0.001
    is_shared = False

    def __init__(self, rows_max: int) -> None:
        self.stored: bytes | None = None
        self._rows_max = rows_max
        self._is_cleared = False

    def recall(self) -> bytes | None:
        return self.stored

    def publish(self, data: bytes) -> None:
        progress = decode_progress(data)
        assert progress is not None
        self._is_cleared = self._is_cleared or progress.rows_done > self._rows_max
        if self._is_cleared:
            raise LookupError("404: no such task instance")
        self.stored = data

    def start_again(self) -> None:
        """Let the task's next instance store its progress."""
        self._is_cleared, self._rows_max = False, ROWS


def test_cleared_attempt_ended_in_order_and_sums_agree(rows: Workplace) -> None:
    sink = ClearedSink(rows_max=5)
    page = RunPage(open_sink=lambda _store, _names: sink)
    rows.sim.follow(Script(faults=(Fault(kind="403", after=25),)))
    with pytest.raises(AccessRefused):
        run_job(rows.job(), Settings(max_concurrency=1), page=page)
    cleared = decode_progress(sink.stored or b"")
    assert cleared is not None
    assert (cleared.state, cleared.rows_done <= 5) == ("running", True)
    rows.sim.follow(Script())
    sink.start_again()
    report = run_job(rows.job(), Settings(max_concurrency=1), page=page)
    told = decode_progress(sink.stored or b"")
    assert told is not None
    first, second = told.attempts
    assert (first.state, first.rows, second.rows) == ("stopped", 25, ROWS - 25)
    assert sum(first.statuses.values()) == 25
    assert first.cost_nano_usd + second.cost_nano_usd == report.tally.cost_nano_usd
