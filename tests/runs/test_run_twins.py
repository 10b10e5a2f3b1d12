"""Two attempts of one run alive at once: the output is exact, and nobody pays twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from aimlapi_simulator import Latency
from tests.runs.conftest import KEY, Workplace, expected, script, texts_table
from tests.runs.test_run_resumes import CHILD, when_billed

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

QUICK: dict[str, Any] = {"max_concurrency": 16, "lease_ttl_s": 1.0, "request_timeout_s": 2.0}


def test_a_healthy_twin_takes_over_and_nobody_pays_twice(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(500))
    reports: list[RunSummary] = []
    older = threading.Thread(target=lambda: reports.append(place.run(**QUICK)))
    older.start()
    when_billed(place, 100)
    reports.append(place.run(**QUICK))
    older.join()
    assert [report.tally.ok for report in reports] == [500, 500]
    assert sorted(report.requests > 0 for report in reports) == [False, True]
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 500
    result = place.result()
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]


def test_a_frozen_attempt_that_wakes_does_no_harm(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(800))
    command = [sys.executable, "-c", CHILD, place.input, place.output, place.sim.url, KEY]
    frozen = subprocess.Popen(command, env={**os.environ}, stderr=subprocess.DEVNULL)
    when_billed(place, 200)
    frozen.send_signal(signal.SIGSTOP)
    report = place.run(**QUICK)
    before = place.fs.cat_file(report.manifest)
    frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(timeout=30) == 0
    assert place.fs.cat_file(report.manifest) == before
    result = place.result()
    assert result["id"].to_pylist() == list(range(800))
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    twice = len(place.paid_prompts()) - len(set(place.paid_prompts()))
    assert twice <= 256 + 2 * 32
