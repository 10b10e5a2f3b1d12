"""Seeded bugs in the merging of segments, and the scenarios that are aimed at them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.durable import segments
from airflow_provider_aimlapi.core.durable.journal import Record
from airflow_provider_aimlapi.core.durable.keys import RunNames, parse_segment_name
from airflow_provider_aimlapi.engine.durable import earlier_attempts
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.storage.runs.journal_store import (
    JournalStore,
    list_segments,
    replay_segments,
)
from airflow_provider_aimlapi.storage.runs.segment_merging import read_joined
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulation import MERGED_AT_ONCE, Simulation
from lab.simulation.swapping import swapped
from lab.simulation.weather import Weather
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.core.durable.segments import Segment

WAKES_S = 40.8
"""So that it wakes when the newer attempt begins to list. LISTS_S: what a page of that takes."""
LISTS_S = 0.4
REMOVED = 0.8
"""The share of removals that have an effect."""
_merge = JournalStore.merge_group
_uncovered = segments.uncovered_segments


def _removed_before_it_is_created(
    self: JournalStore, part: int, group: Sequence[Segment], spread: Any
) -> list[str]:
    data = read_joined(self._store, group, spread)
    self.remove_replaced(part, [segment.name for segment in group], spread)
    name = self._names.segment_name(part, self.epoch, group[0].first, group[-1].last)
    if data is not None and self._store.create(name, data):
        self._seen[part].append(name)
    self._own.replace_group(part, group, None)
    return []


def _removed_at_once(
    self: JournalStore, part: int, group: Sequence[Segment], spread: Any
) -> list[str]:
    self.remove_replaced(part, _merge(self, part, group, spread), spread)
    return []


def _largest_last(names: Iterable[str]) -> list[str]:
    def place(name: str) -> tuple[int, int, int]:
        _, epoch, first, last = parse_segment_name(name) or (0, 0, 0, 0)
        return epoch, last - first, first

    return sorted(_uncovered(names), key=place)


def merged_by_an_attempt_that_wakes(seed: int) -> tuple[str, ...]:
    """Freeze an attempt while it reads what it merges; wake it while a newer one lists the journal."""
    shape = Shape(rows=(60,))
    reading = Trouble(
        kind="freeze",
        at_operation=2,
        named="/00000001-00000015",
        duration_s=WAKES_S + LISTS_S * seed,
        is_landing=True,
    )
    scenario = Scenario(
        seed=1,
        shape=shape,
        settings=settings_for(shape, max_concurrency=4, unflushed_rows_max=4),
        weather=Weather(store_latency_s=0.4, store_dawdling=0.0, names_a_page=1),
        attempts=(Attempt(troubles=(reading,), twin_after_s=40.0), Attempt()),
    )
    return Simulation(scenario).run().violations


@swapped(segments, "MERGED_AT_ONCE", MERGED_AT_ONCE)
def failures_are_read_in_their_order(seed: int) -> tuple[str, ...]:
    """Store a row's failures so far in each segment, and leave some merged segments undeleted."""
    random = Random(seed)
    store, names, spread = MemoryStore(), RunNames(run_key="0" * 32), SystemClock().map_in_threads
    journal = JournalStore(store, names, 1)
    most = 20 + seed
    for failures in range(1, most + 1):
        journal.append_records(0, [_failed(failures)])
        while group := journal.next_group(0):
            replaced = journal.merge_group(0, group, spread)
            journal.remove_replaced(
                0, [name for name in replaced if random.random() < REMOVED], spread
            )
    segments_left = list_segments(store, names, [0], spread)[0]
    read: Any = vars(earlier_attempts)["uncovered_segments"]  # or the bug in its place
    records = replay_segments(store, read(segments_left), spread)
    found = [record.attempts for record in records]
    return () if found == list(range(1, most + 1)) else (f"failures are read as {found}",)


def _failed(failures: int) -> Record:
    return Record(
        kind="failed", row=7, request_hash="0", attempts=failures, completed_at_us=failures
    )


MERGING_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "segments are removed before the merged one is created": lambda: swapped(
        JournalStore, "merge_group", _removed_before_it_is_created
    ),
    "segments are removed as soon as they are merged": lambda: swapped(
        JournalStore, "merge_group", _removed_at_once
    ),
    "merged segments sort after newer ones": lambda: swapped(
        earlier_attempts, "uncovered_segments", _largest_last
    ),
}
MERGING_SCENARIOS: dict[str, Callable[[int], tuple[str, ...]]] = {
    "segments are removed as soon as they are merged": merged_by_an_attempt_that_wakes,
    "merged segments sort after newer ones": failures_are_read_in_their_order,
}
