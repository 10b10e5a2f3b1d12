"""What scans cost is counted in requests: it follows what is open, not what was ever written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.engine.durable.earlier_attempts import (
    find_earlier_answers,
    read_journaled_rows,
)
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.errors import RunInterrupted, StoreUnavailable
from lab.benchmarks.scan_runs import ScannedRun, SteadyApi
from tests.fakes.distant_store import DistantStore
from tests.fakes.virtual_loop import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections import Counter

PARTS = 40


def published_run(store: DistantStore | None = None, **api: object) -> ScannedRun:
    run = ScannedRun(files=PARTS, rows=2, store=store or DistantStore())
    assert isinstance(run.attempt(SteadyApi(**api)), RunSummary)  # type: ignore[arg-type]
    return run


def requests_of_publishing(run: ScannedRun) -> Counter[str]:
    prepared = run.prepared()
    assert prepared.manifest is not None
    manifest = prepared.manifest
    run.store.forget()
    run.publish(manifest)
    return run.store.requests


def test_journal_holds_what_is_open() -> None:
    """Six times the rows, and as many segments at a time; 400 for each of 50 workers are 20,000."""
    most = {}
    for files in (2, 12):
        run = ScannedRun(files=files, rows=500)
        assert isinstance(run.attempt(), RunSummary)
        most[files] = run.store.segments_max
        assert run.segments() == {}
    assert most[12] <= most[2] + 20
    assert most[12] <= 400


def test_parts_that_stay_open_have_few_segments() -> None:
    """Some 200 flushes for each of six parts; 6 x 30 for each of 50 workers are 9,000."""
    run = ScannedRun(files=6, rows=500)
    assert isinstance(run.attempt_with_open_parts(), RunSummary)
    assert run.store.requests["create"] > 6 * 200
    assert run.store.segments_max <= 6 * 30
    assert run.segments() == {}


def test_resume_reads_no_segment_of_a_durable_part() -> None:
    run = published_run(DistantStore(keeps_segments=True), rejected=frozenset(range(0, 80, 2)))
    run.unpublish(run.store.kept)
    prepared = run.prepared()
    run.store.forget()
    earlier = find_earlier_answers(prepared, SystemClock(), retry_rejected=False)
    assert earlier.rows_decided() == (2 * PARTS, 0)
    assert run.store.requests == {"list": 2, "read": PARTS}
    assert len(run.store.kept) >= PARTS


def test_share_lists_its_own_parts() -> None:
    run = published_run()
    prepared = run.prepared()
    plan = replace(prepared.run_plan, shares=(0, 10))
    share = replace(prepared, run_plan=plan).of_share(0)
    run.store.forget()
    find_earlier_answers(share, SystemClock(), retry_rejected=False)
    assert run.store.requests == {"list": 10 + 1, "read": 10}


def test_answers_are_read_with_their_part() -> None:
    run = ScannedRun(files=4, rows=50, store=DistantStore(keeps_segments=True))
    run.attempt(SteadyApi(text_bytes=10_000))
    run.unpublish(run.store.kept)
    for name in run.store.list("_aimlapi/"):
        if "/parts/" in name:
            run.store.delete(name)
    prepared = run.prepared()
    earlier = find_earlier_answers(prepared, SystemClock(), retry_rejected=False)
    assert [tally.rows for tally in earlier.journaled.values()] == [50] * 4
    known = read_journaled_rows(prepared, earlier, [1], SystemClock())
    assert {len(outcome.text or "") for outcome in known.values()} == {10_000}
    assert {part for part, _ in known} == {1}


@pytest.mark.parametrize("failing", [0.02, 0.2])
def test_failed_requests_begin_no_scan_anew(failing: float) -> None:
    run = published_run()
    run.unpublish()
    run.store.failing = failing
    run.store.forget()
    report = run.attempt()
    assert isinstance(report, RunSummary)
    assert report.requests == 0
    assert run.store.requests.total() < 6 * PARTS * (1 + 3 * failing)


def test_store_that_is_away_ends_the_patience() -> None:
    store = DistantStore(failing=1.0)

    async def read() -> None:
        clock = VirtualClock()
        with pytest.raises(StoreUnavailable):
            patient_store(store, clock).read("a", bytes_max=1)
        assert 120 <= clock.now_s() < 140

    run_virtual(read())
    assert store.requests["read"] < 30


def test_check_ends_the_patience_at_once() -> None:
    store = DistantStore(failing=1.0)
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise RunInterrupted("asked to stop")

    async def read() -> None:
        with pytest.raises(RunInterrupted):
            patient_store(store, VirtualClock(), check).read("a", bytes_max=1)

    run_virtual(read())
    assert store.requests == {"read": 2}


def test_publication_copies_without_reading() -> None:
    run = published_run()
    for name in [name for name in run.store.objects if not name.startswith("_aimlapi/")]:
        del run.store.objects[name]
    requests = requests_of_publishing(run)
    assert (requests["copy"], requests["read"] <= 12) == (PARTS, True)
    assert requests.total() <= PARTS + 40


def test_publication_copies_what_is_missing() -> None:
    run = published_run()
    for name in sorted(name for name in run.store.objects if not name.startswith("_"))[:7]:
        del run.store.objects[name]
    assert requests_of_publishing(run)["copy"] == 7


def test_earlier_runs_at_the_path_cost_nothing() -> None:
    """Neither their manifests are read, nor are their objects listed."""
    found = []
    for count in (2, 5):
        store = DistantStore()
        for number in range(count):
            run = ScannedRun(files=PARTS, rows=2, store=store, prompt=f"{number} {{body}}")
            assert isinstance(run.attempt(), RunSummary)
        last = ScannedRun(files=PARTS, rows=2, store=store, prompt="Last {body}")
        store.forget()
        last.prepared()
        found.append((store.requests, store.read_bytes))
    (two, two_bytes), (five, five_bytes) = found
    assert two == five
    assert five_bytes <= two_bytes * 1.01
