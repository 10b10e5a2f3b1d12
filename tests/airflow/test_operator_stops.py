"""A stopped task keeps its paid answers, and its retry pays only for the rest."""

from __future__ import annotations

import json
import os
import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Latency, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.airflow

ROWS = 60


@pytest.fixture
def signal_after_paid_calls(api: Any) -> Iterator[Callable[[signal.Signals, int], None]]:
    """Sends this process a signal, as Airflow and the system do, after a number of paid calls."""
    before = {sent: signal.getsignal(sent) for sent in (signal.SIGTERM, signal.SIGALRM)}
    ended = threading.Event()
    watchers: list[threading.Thread] = []

    def watch(sent: signal.Signals, paid_calls: int) -> None:
        while not ended.wait(0.01):
            if api.paid_calls >= paid_calls:
                os.kill(os.getpid(), sent)
                return

    def start(sent: signal.Signals, paid_calls: int) -> None:
        thread = threading.Thread(target=watch, args=(sent, paid_calls))
        watchers.append(thread)
        thread.start()

    yield start
    ended.set()
    for thread in watchers:
        thread.join()
    for sent, handler in before.items():
        signal.signal(sent, handler)


@pytest.mark.parametrize(
    "stop",
    [
        (signal.SIGTERM, {}, "A stop was requested"),
        # Airflow's time-out is this signal: the clock is spared, the rest is as in earnest.
        (signal.SIGALRM, {"execution_timeout_s": 3600}, "AirflowTaskTimeout"),
    ],
    ids=["terminated", "timed out"],
)
def test_stopped_tasks_pay_no_row_twice(
    api: Any,
    lake: Any,
    run_task: Callable[..., Any],
    signal_after_paid_calls: Callable[[signal.Signals, int], None],
    stop: tuple[signal.Signals, dict[str, Any], str],
) -> None:
    sent, arguments, words = stop
    lake.put("in/texts.parquet", {"text": [f"Text number {n}." for n in range(ROWS)]})
    api.follow(Script(latency=Latency(median_s=0.1)))
    signal_after_paid_calls(sent, 10)

    run = run_task(
        input_path=lake.url("in/"),
        output_path=lake.url("out/"),
        prompt="{text}",
        max_concurrency=4,
        **arguments,
    )

    assert (run.state, run.tries) == ("success", 2), run.output
    assert words in run.output
    assert run.summary["ok"] == ROWS
    assert 10 <= run.summary["reused"] < ROWS
    assert run.summary["requests"] == ROWS - run.summary["reused"]
    assert api.paid_calls == ROWS
    assert api.simulator.stats()["prompts_billed_twice"] == 0


def test_policy_continues_interrupted_tasks_at_once(
    api: Any,
    lake: Any,
    run_dag: Callable[..., Any],
    signal_after_paid_calls: Callable[[signal.Signals, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Airflow's own delay is five minutes: with it this test would not end."""
    lake.put("in/texts.parquet", {"text": [f"Text number {n}." for n in range(ROWS)]})
    api.follow(Script(latency=Latency(median_s=0.1)))
    signal_after_paid_calls(signal.SIGTERM, 10)
    arguments = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps({**arguments, "max_concurrency": 4}))

    run = run_dag("tests", "patient_task", datetime(2026, 1, 1, tzinfo=UTC))

    assert (run.state, run.tries) == ("success", 2), run.output
    assert "RunInterrupted: next try in 0:00:00" in run.output
    assert api.paid_calls == ROWS
