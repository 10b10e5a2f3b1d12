"""A task that is asked to end keeps what it paid for, and its retry pays for the rest alone."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.script import Latency, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.airflow

ROWS = 60


@pytest.fixture
def sigterm_after_paid_calls(api: Any) -> Iterator[Callable[[int], None]]:
    """Sends this process the signal that Airflow sends a task, once so many calls are paid for."""
    before = signal.getsignal(signal.SIGTERM)
    ended = threading.Event()
    watchers: list[threading.Thread] = []

    def watch(paid_calls: int) -> None:
        while not ended.wait(0.01):
            if api.paid_calls >= paid_calls:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def start(paid_calls: int) -> None:
        thread = threading.Thread(target=watch, args=(paid_calls,))
        watchers.append(thread)
        thread.start()

    yield start
    ended.set()
    for thread in watchers:
        thread.join()
    signal.signal(signal.SIGTERM, before)


def test_a_terminated_task_pays_for_no_row_twice(
    api: Any,
    lake: Any,
    run_task: Callable[..., Any],
    sigterm_after_paid_calls: Callable[[int], None],
) -> None:
    lake.put("in/texts.parquet", {"text": [f"Text number {n}." for n in range(ROWS)]})
    api.follow(Script(latency=Latency(median_s=0.1)))
    sigterm_after_paid_calls(10)

    run = run_task(
        input_path=lake.url("in/"),
        output_path=lake.url("out/"),
        prompt="{text}",
        max_concurrency=4,
    )

    assert (run.state, run.tries) == ("success", 2), run.output
    assert run.summary["ok"] == ROWS
    assert 10 <= run.summary["reused"] < ROWS
    assert api.paid_calls == ROWS
    assert api.simulator.stats()["prompts_billed_twice"] == 0
