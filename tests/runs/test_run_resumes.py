"""A run that was stopped or killed goes on from where it was, and pays for little twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.engine.blocking import complete_one
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AccessRefused, JournalUnreadable, RunInterrupted
from tests.runs.conftest import KEY, Workplace, expected, script, texts_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHILD = """
import sys
from fsspec.implementations.local import LocalFileSystem
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings

source, target, url, key = sys.argv[1:]
fs = LocalFileSystem()
run_job(
    Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=256),
        prompt="Summarise:\\n\\n{body}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=url, key=key),
        input=OpenLocation(fs=fs, path=source),
        output=OpenLocation(fs=fs, path=target),
    ),
    Settings(max_concurrency=32, lease_ttl_s=1.0, request_timeout_s=2.0),
)
"""


def stop_when_billed(place: Workplace, calls: int, stop: StopSignal) -> None:
    """Ask for a stop once so many calls were billed."""
    when_billed(place, calls)
    stop.request_stop()


def when_billed(place: Workplace, calls: int) -> None:
    """Return once so many calls were billed."""
    pause = threading.Event()
    while place.sim.ledger.billed_calls < calls:
        pause.wait(0.005)


def test_stop_drains_and_next_attempt_pays_only_the_rest(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(400))
    stop = StopSignal()
    watcher = threading.Thread(target=stop_when_billed, args=(place, 100, stop))
    watcher.start()
    with pytest.raises(RunInterrupted):
        place.run(stop=stop, max_concurrency=32)
    watcher.join()
    paid = len(place.paid_prompts())
    assert 100 <= paid < 400
    assert place.visible() == []
    report = place.run(max_concurrency=32)
    assert report.reused == paid
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 400
    result = place.result()
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]


class TimedOutError(Exception):
    """What Airflow's time-out of a task is: raised in whatever the main thread does."""


@pytest.fixture
def timed_out_by_a_signal() -> Iterator[None]:
    """SIGALRM raises, as Airflow has it for `execution_timeout`."""

    def raise_it(*_: object) -> None:
        raise TimedOutError

    before = signal.signal(signal.SIGALRM, raise_it)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("timed_out_by_a_signal")
def test_time_out_ends_the_task_once_answers_are_kept(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.2)))
    place.write(texts_table(400))

    def time_out() -> None:
        when_billed(place, 100)
        os.kill(os.getpid(), signal.SIGALRM)

    watcher = threading.Thread(target=time_out)
    watcher.start()
    with pytest.raises(TimedOutError):
        place.run(max_concurrency=32)
    paid = len(place.paid_prompts())
    assert place.sim.ledger.requests[-1].status == 200
    assert len(place.sim.ledger.requests) == paid
    watcher.join()
    assert place.run(max_concurrency=32).reused == paid
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 400


@pytest.mark.usefixtures("timed_out_by_a_signal")
def test_single_call_is_not_repeated_after_its_tasks_timeout(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="503", times=1, retry_after_s=5.0),)))

    def time_out() -> None:
        pause = threading.Event()
        while not place.sim.ledger.requests:
            pause.wait(0.005)
        os.kill(os.getpid(), signal.SIGALRM)

    watcher = threading.Thread(target=time_out)
    watcher.start()
    job = place.job()
    with pytest.raises(TimedOutError):
        complete_one(job.endpoint, job.completion, message_of("Hello?", None), Settings())
    watcher.join()
    assert [record.status for record in place.sim.ledger.requests] == [503]


def test_a_stop_before_the_start_asks_nothing(place: Workplace) -> None:
    place.write(texts_table(50))
    stop = StopSignal()
    stop.request_stop()
    with pytest.raises(RunInterrupted):
        place.run(stop=stop)
    assert place.sim.ledger.requests == []
    assert not place.fs.glob(f"{place.output}/_aimlapi/*/lease/*")
    assert place.run().tally.ok == 50
    assert len(place.paid_prompts()) == 50


def test_kill_9_costs_at_most_what_was_at_risk(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(1_000), row_group_size=250)
    command = [sys.executable, "-c", CHILD, place.input, place.output, place.sim.url, KEY]
    kills = 3
    for number in range(1, kills + 1):
        child = subprocess.Popen(command, env={**os.environ})
        when_billed(place, number * 250)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert place.visible() == []
    report = place.run(max_concurrency=32, lease_ttl_s=1.0, request_timeout_s=2.0)
    assert report.reused > 0
    result = place.result()
    assert result["id"].to_pylist() == list(range(1_000))
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    twice = len(place.paid_prompts()) - len(set(place.paid_prompts()))
    at_risk = 256 + 2 * 32
    assert len(set(place.paid_prompts())) == 1_000
    assert twice <= kills * at_risk


def test_parts_of_an_earlier_attempt_are_not_sent_again(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.01)))
    for number in range(5):
        place.write(texts_table(60, number * 60), f"{number}.parquet")
    stop = StopSignal()
    watcher = threading.Thread(target=stop_when_billed, args=(place, 200, stop))
    watcher.start()
    with pytest.raises(RunInterrupted):
        place.run(stop=stop, max_concurrency=4)
    watcher.join()
    runs = f"{place.output}/_aimlapi"
    (run_key,) = [path.rpartition("/")[2] for path in place.fs.ls(runs, detail=False)]
    parts = place.fs.find(f"{runs}/{run_key}/parts")
    assert len(parts) >= 3
    before = {path: place.fs.cat_file(path) for path in parts}
    assert place.run().tally.ok == 300
    assert len(place.paid_prompts()) == 300
    assert {path: place.fs.cat_file(path) for path in parts} == before


def test_publication_that_was_cut_short_is_finished_without_asking(place: Workplace) -> None:
    place.write(texts_table(30))
    report = place.run()
    place.fs.rm(f"{place.output}/_SUCCESS")
    place.fs.rm(f"{place.output}/a-00000.parquet")
    assert place.run().requests == 0
    assert pq.read_table(f"{place.output}/a-00000.parquet").num_rows == 30
    assert place.fs.exists(f"{place.output}/_SUCCESS")
    assert report.run_key in place.fs.cat_file(f"{place.output}/_SUCCESS").decode()


def test_a_part_that_somebody_removed_comes_back_without_asking(place: Workplace) -> None:
    place.write(texts_table(30))
    place.run()
    place.fs.rm(f"{place.output}/a-00000.parquet")
    assert place.run().requests == 0
    assert place.result().num_rows == 30


def test_part_that_is_not_what_was_planned_is_refused(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="403", after=61),)))
    place.write(texts_table(60), "a.parquet")
    place.write(texts_table(60, 60), "b.parquet")
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=1)
    (part,) = (path for path in place.fs.find(place.output) if path.endswith("00000.parquet"))
    with place.fs.open(part, "rb") as file:
        table = pq.read_table(file)
    with place.fs.open(part, "wb") as file:
        pq.write_table(table.slice(1), file)
    with pytest.raises(JournalUnreadable, match=r"part-00000\.parquet"):
        place.run()


def test_no_two_attempts_share_a_client_request_id(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="403", after=20),)))
    place.write(texts_table(60))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=8)
    place.sim.follow(script())
    place.run(max_concurrency=8)
    names = [record.client_request_id for record in place.sim.ledger.requests]
    assert None not in names
    assert len(set(names)) == len(names) > 60


def test_a_changed_input_file_is_another_run(place: Workplace, tmp_path: Path) -> None:
    place.write(texts_table(10))
    first = place.run()
    place.write(texts_table(10, 100))
    second = place.run()
    assert first.run_key != second.run_key
    assert place.result()["id"].to_pylist() == list(range(100, 110))
    assert len(place.paid_prompts()) == 20
    assert (tmp_path / "out/_aimlapi" / first.run_key / "manifest.json").exists()
