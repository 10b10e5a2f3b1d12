"""A bug in whatever runs beside the calls: no call in flight is cancelled, no answer is lost."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Latency
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.core.reporting.measures import LatencyCounts
from airflow_provider_aimlapi.engine.calls import judge as judging_module
from airflow_provider_aimlapi.engine.calls.feed import Feed
from airflow_provider_aimlapi.engine.calls.limiter import Limiter
from airflow_provider_aimlapi.engine.calls.reader import Reader
from airflow_provider_aimlapi.engine.durable import collector as collector_module
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.lease import Lease
from airflow_provider_aimlapi.engine.reporting.attempt_counts import AttemptCounts
from airflow_provider_aimlapi.engine.reporting.progress_log import ProgressLog
from airflow_provider_aimlapi.engine.reporting.reporter import Reporter
from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject
from tests.runs.conftest import Workplace, script, texts_table

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 300
LOOKS = 50
SECRET = "what a row says"


class Bug(Exception):
    """What nothing raises on purpose; its text quotes a row."""


@dataclass(frozen=True)
class Broken:
    """Breaks a function from one of its calls on.

    Attributes:
        from_call: the first that fails, from 1. calls: how many fail; a library's bug goes away.
    """

    owner: Any
    name: str
    from_call: int = 2
    calls: int = 10**9

    def into(self, monkeypatch: pytest.MonkeyPatch, has_paid: Callable[[], bool]) -> None:
        usual = getattr(self.owner, self.name)
        lock, seen = threading.Lock(), Counter[str]()

        def is_broken() -> bool:
            with lock:
                seen[self.name] += 1
                return self.from_call <= seen[self.name] < self.from_call + self.calls

        def broken(*args: Any, **kwargs: Any) -> Any:
            if is_broken():
                raise Bug(SECRET)
            return usual(*args, **kwargs)

        async def broken_task(*args: Any, **kwargs: Any) -> Any:
            if is_broken():
                for _ in range(LOOKS):  # while calls are in flight, if there are any
                    if has_paid():
                        break
                    await asyncio.sleep(0.01)
                raise Bug(SECRET)
            return await usual(*args, **kwargs)

        is_task = inspect.iscoroutinefunction(usual)
        monkeypatch.setattr(self.owner, self.name, broken_task if is_task else broken)


GOES_ON: dict[str, Broken] = {
    "the progress log": Broken(ProgressLog, "write_every", 1),
    "a line of the progress log": Broken(ProgressLog, "present_figures", 1),
    "the progress page": Broken(Reporter, "publish_always", 1),
    "what the page shows": Broken(Reporter, "_progress_now", 1),
    "what the page counts": Broken(AttemptCounts, "add_sample", 1),
    "the sink of the page": Broken(ProgressObject, "publish", 1),
    "a heartbeat": Broken(LeaseStore, "write_heartbeat", 3, 2),
    "the last word of the page": Broken(Reporter, "_publish_last", 1),
}
"""The run publishes, as if nothing had been."""

ENDS: dict[str, Broken] = {
    "the journal keeper": Broken(Collector, "keep_durable", 1),
    "the loop of the journal keeper": Broken(Collector, "_flush_always", 1),
    "its waiting": Broken(Waiters, "wait_for_wake", 40, 1),
    "a journal write": Broken(JournalStore, "append_records", 2, 1),
    "the writer of parts": Broken(Collector, "_stage_always", 1),
    "the writing of a part": Broken(collector_module, "encode_part", 1, 1),
    "the lease keeper": Broken(Lease, "keep_right", 1),
    "the loop of the lease keeper": Broken(Lease, "_keep_until_lost", 1),
    "the reader": Broken(Reader, "feed_rows", 1),
    "the reading of a batch": Broken(Reader, "_undecided_rows", 1),
    "a worker taking a row": Broken(Feed, "take_row", 40, 1),
    "the limiter's law": Broken(Limiter, "_apply_passed_time", 3, 1),
    "the limiter on an answer": Broken(Limiter, "settle", 20),
    "the limiter on a permit that is given back": Broken(Limiter, "take_back", 20, 1),
    "the budget on an answer": Broken(Budget, "add_charge", 20, 3),
    "what is measured of an answer": Broken(LatencyCounts, "add_call", 20),
    "the judging of an answer": Broken(judging_module, "accepted_outcome", 20),
    "the keeping of an outcome": Broken(Collector, "_count_outcome", 20, 1),
}
"""The run ends early, keeps what it paid for, and the next try goes on from there."""


def run(place: Workplace) -> AimlapiError | None:
    try:
        place.run(
            max_concurrency=16,
            unflushed_rows_max=8,
            progress_interval_s=0.1,
            lease_ttl_s=1.0,
            flush_interval_s=0.05,
        )
    except AimlapiError as error:
        return error
    return None


def check_all_kept(place: Workplace) -> None:
    """Each row is published, and no row was billed twice."""
    assert len(place.result()) == ROWS
    paid = Counter(place.paid_prompts())
    assert (len(paid), sum(paid.values())) == (ROWS, ROWS)


@pytest.mark.parametrize("name", GOES_ON)
def test_run_goes_on_without_a_companion(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.02, sigma=0.5)))
    place.write(texts_table(ROWS))
    GOES_ON[name].into(monkeypatch, lambda: bool(place.sim.ledger.billed))
    assert run(place) is None
    check_all_kept(place)


@pytest.mark.parametrize("name", ENDS)
def test_bug_ends_the_run_and_loses_no_answer(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.02, sigma=0.5)))
    place.write(texts_table(ROWS))
    with monkeypatch.context() as patch:
        ENDS[name].into(patch, lambda: bool(place.sim.ledger.billed))
        error = run(place)
    assert isinstance(error, AimlapiError)
    assert "Bug" in str(error)
    assert run(place) is None
    check_all_kept(place)
    if "journal write" not in name and "part" not in name:
        assert SECRET not in caplog.text + str(error)


def test_bug_before_the_first_call_costs_nothing(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(texts_table(ROWS))
    with monkeypatch.context() as patch:
        Broken(Reader, "_read_shard", 1).into(patch, lambda: True)
        assert isinstance(run(place), AimlapiError)
    assert place.paid_prompts() == []
