"""Seeded bugs: each takes one promise-keeping line out of the real code, inside the simulation only.

They test the tester: a simulation that finds none of these would prove nothing by finding none.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.durable.journal import decode_segment
from airflow_provider_aimlapi.core.durable.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.core.durable.object_sizes import SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.core.verdicts.failures import Silence
from airflow_provider_aimlapi.core.verdicts.opening import (
    OPENING_ROWS,
    Opening,
    OpeningRow,
    Refused,
)
from airflow_provider_aimlapi.core.verdicts.refusals import Refusals
from airflow_provider_aimlapi.core.verdicts.rejections import Rejections
from airflow_provider_aimlapi.engine import run
from airflow_provider_aimlapi.engine.calls import failed_rows, live
from airflow_provider_aimlapi.engine.calls.failed_rows import FailedRows
from airflow_provider_aimlapi.engine.calls.refused_rows import RefusedRows
from airflow_provider_aimlapi.engine.durable import collector
from airflow_provider_aimlapi.engine.durable import earlier_attempts as earlier_answers
from airflow_provider_aimlapi.engine.durable import publish as publication
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
from airflow_provider_aimlapi.engine.durable.lease import Lease
from airflow_provider_aimlapi.engine.durable.paid_answers import PaidAnswers
from airflow_provider_aimlapi.engine.durable.visible_run import VisibleRun
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.errors import AimlapiError, StorageError, StoreUnavailable
from airflow_provider_aimlapi.storage.output.changes import shown_run
from airflow_provider_aimlapi.storage.output.visible_files import show_run
from airflow_provider_aimlapi.storage.parts import part_writer
from airflow_provider_aimlapi.storage.runs import journal_store
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from airflow_provider_aimlapi.storage.stores import object_store
from lab.simulation.buggy_attempts import (
    early_answers,
    find_answers_parts_first,
    find_without_hash,
    flush_acknowledging_early,
    keep_until_cancelled,
    take_back_the_lease,
)
from lab.simulation.lease_bugs import LEASE_BUGS
from lab.simulation.merging_bugs import MERGING_BUGS
from lab.simulation.process import SimulatedClock
from lab.simulation.swapping import swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.core.calls.completion import Completion, Outcome
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.core.durable.manifest import Manifest, PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.core.verdicts.refusals import Suspect
    from airflow_provider_aimlapi.engine.durable.collector import OpenShard
    from airflow_provider_aimlapi.engine.follow_ups import FollowUps
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.errors import AccessRefused, ApiError
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

_keep_until_lost = Lease._keep_until_lost
_beat_once = Lease._beat_once
_append = JournalStore.append_records
_publish = publication.publish_run
_show = VisibleRun.show_run
_encode_part = part_writer.encode_part
_write_part = Collector._write_part
_create_settled = object_store.create_settled


def _nothing(*_: Any, **__: Any) -> None:
    return None


async def _always(*_: Any) -> bool:
    return True


def _forgotten_record(self: JournalStore, part: int, records: Sequence[Record]) -> None:
    _append(self, part, records[:-1] or records)


def _created_by_force(store: ObjectStore, name: str, data: bytes) -> bool:
    store.write(name, data)
    return True


def _unclear_is_success(store: ObjectStore, name: str, data: bytes) -> bool:
    try:
        return store.create(name, data)
    except StoreUnavailable:
        return True


def _unclear_is_failure(store: ObjectStore, name: str, data: bytes) -> bool:
    try:
        return store.create(name, data)
    except StoreUnavailable:
        return False


def _replay_what_can_be_read(
    store: Any, segments: Sequence[str], _map_in_threads: Any
) -> Iterator[Record]:
    for name in segments:
        try:
            data = store._store.read(name, bytes_max=SEGMENT_BYTES_MAX)
        except StoreUnavailable:
            continue
        yield from decode_segment(data or b"")


@contextmanager
def _no_last_flush() -> Iterator[None]:
    with (
        swapped(Collector, "_flush_always", _flush_without_end),
        swapped(Collector, "flush_rest", _always),
    ):
        yield


async def _flush_without_end(self: Collector) -> None:
    while not self._is_finishing:
        await self._flusher.wait_for_wake(self._settings.flush_interval_s)
        try:
            if not self._is_finishing:
                await self._flush_pending()
        except StorageError as error:
            self._ending.end_admission(error)


async def _beat_blindly(self: Lease, state: Any) -> bool:
    asked_at_s = self._clock.boot_s()
    try:
        await self._clock.in_thread(
            self._store.write_heartbeat, self.epoch, self._next_heartbeat(state)
        )
    except StoreUnavailable:
        return False
    if state == "running":
        self._right_until_s = self._times.right_until_s(asked_at_s)
    return True


async def _beat_counting_from_the_answer(self: Lease, state: Any) -> bool:
    is_written = await _beat_once(self, state)
    if state == "running":
        self._right_until_s = self._times.right_until_s(self._clock.boot_s())
    return is_written


async def _release_then_drain(self: Lease, lost: Callable[[AimlapiError], None]) -> None:
    reason = await _keep_until_lost(self)
    await self.release_lease()
    if reason is not None:
        lost(reason)


async def _fall_silent_once_lost(self: Lease, lost: Callable[[AimlapiError], None]) -> None:
    reason = await _keep_until_lost(self)
    if reason is not None:
        lost(reason)


def _answers_swapped(
    data_set: DataSet, shard: Shard, outcomes: Sequence[Outcome], **names: Any
) -> bytes:
    from dataclasses import replace

    first, *between, last = outcomes if len(outcomes) > 1 else (*outcomes, None, None)
    if first is not None and last is not None:
        outcomes = [replace(last, row=first.row), *between, replace(first, row=last.row)]
    return _encode_part(data_set, shard, outcomes, **names)


def _publish_without_the_last(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    manifest = manifest_of(prepared.names.run_key, parts[:-1])
    _create_settled(prepared.store, prepared.names.manifest_name, encode_manifest(manifest))
    return manifest


def _publish_by_force(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    manifest = manifest_of(prepared.names.run_key, parts)
    prepared.store.write(prepared.names.manifest_name, encode_manifest(manifest))
    return manifest


def _show_before_publish(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    manifest = manifest_of(prepared.names.run_key, parts)
    show_run(prepared.store, manifest, epoch=1, map_in_threads=_one_by_one)
    return _publish(prepared, parts)


async def _show_unless_shown(self: VisibleRun) -> None:
    found = await persist_in_thread(self._clock, shown_run, self._prepared.store)
    if found != self._prepared.names.run_key:
        await _show(self)


def _one_by_one(call: Callable[[Any], Any], items: Any, threads: int) -> list[Any]:
    return [call(item) for item in items[:threads]]


def _give_up_all_epochs(self: JournalStore, part: int, _epoch: int, map_in_threads: Any) -> None:
    segments = self._store.list(self._names.segments_of(part))
    journal_store.remove_segments(self._store, segments, map_in_threads)


def _give_up_early(self: Collector, state: OpenShard) -> StagedPart:
    part, journal = state.shard.part, self._segments
    journal.give_up(part, journal.epoch, self._clock.map_in_threads)
    return _write_part(self, state)


def _new_budget(_earlier: EarlierAnswers, settings: Settings) -> Budget:
    return Budget(budget_nano_usd=settings.budget_nano_usd)


@contextmanager
def _reading_early() -> Iterator[None]:
    under_lease, earlier = early_answers()
    with (
        swapped(run, "_complete_under_lease", under_lease),
        swapped(run, "find_earlier_answers", earlier),
    ):
        yield


def _halt_at_once(self: RefusedRows, row: Row, error: AccessRefused) -> None:
    self.ending.end_admission(error)


def _blame_always(self: Refusals[Any], **_: int) -> list[Suspect[Any]]:
    return self.waiting


_restore_history = EarlierAnswers.restore_history


def _restore_without_failures(self: EarlierAnswers, row: Row, rules: FollowUps) -> None:
    _restore_history(self, row, rules)
    row.failures, row.was_failing, row.failing_since_us, row.reason = 0, False, 0, None


def _restore_without_unread(self: EarlierAnswers, row: Row, rules: FollowUps) -> None:
    _restore_history(self, row, rules)
    row.violations = row.without_cost = 0


def _silent_since_the_last_answer(self: Silence, *, sent_s: float, now_s: float) -> None:
    self.since_s = sent_s if self.since_s is None else self.since_s
    self.length_s = now_s - self.since_s


def _silent_while_no_call_is_allowed(self: Silence, *, sent_s: float, now_s: float) -> None:
    self.since_s = now_s if self.since_s is None else self.since_s
    self.length_s = now_s - self.since_s
    self.slowest_s = max(self.slowest_s, now_s - sent_s)


def _end_whatever_is_in_flight(self: FailedRows, error: ApiError) -> None:
    self._end_as_stalled(error)


def _judge_what_came_first(
    self: Opening, row: tuple[int, int], result: Completion | Refused
) -> str | None:
    """Measure after this number of results, whichever rows they belong to."""
    if not self.is_open:
        return None
    self.rows.setdefault(row, OpeningRow(body_bytes=0)).result = result
    results = [each.result for each in self.rows.values() if each.result is not None]
    if len(results) < OPENING_ROWS:
        return None
    self.is_open = False
    is_wrong = all(isinstance(each, Refused) for each in results)
    return "The set-up is wrong." if is_wrong else None


BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no replay": lambda: swapped(earlier_answers, "replay_segments", lambda *_: iter(())),
    "a journal that cannot be read is empty": lambda: swapped(
        earlier_answers, "replay_segments", _replay_what_can_be_read
    ),
    "the hash is not compared": lambda: swapped(PaidAnswers, "find_outcome", find_without_hash),
    "a record is forgotten in each segment": lambda: swapped(
        JournalStore, "append_records", _forgotten_record
    ),
    "acknowledged before the flush": lambda: swapped(
        Collector, "_flush_pending", flush_acknowledging_early
    ),
    "no last flush": _no_last_flush,
    "no back-pressure": lambda: swapped(Collector, "keeps_up", lambda *_: True),
    "no waiting for the lease": lambda: swapped(Lease, "_are_over", _always),
    "no fence check": lambda: swapped(Lease, "may_pay", lambda _: True),
    "the right is measured by a clock that a suspended machine stops": lambda: swapped(
        SimulatedClock, "boot_s", SimulatedClock.now_s
    ),
    "a heartbeat that looks for nobody": lambda: swapped(Lease, "_beat_once", _beat_blindly),
    "the right is counted from the heartbeat's answer": lambda: swapped(
        Lease, "_beat_once", _beat_counting_from_the_answer
    ),
    "released before the drain": lambda: swapped(Lease, "keep_right", _release_then_drain),
    "silent during the drain": lambda: swapped(Lease, "keep_right", _fall_silent_once_lost),
    "the follower takes the lease back": lambda: swapped(
        run, "_complete_under_lease", take_back_the_lease
    ),
    "earlier answers are read before the wait": _reading_early,
    "parts are listed before the journal": lambda: swapped(
        run, "find_earlier_answers", find_answers_parts_first
    ),
    "the keeper is cancelled": lambda: swapped(Lease, "keep_right", keep_until_cancelled),
    "rejections are counted afresh": lambda: swapped(Rejections, "take_over", _nothing),
    "a journal stays once the parts are in place": lambda: swapped(
        VisibleRun, "show_run", _show_unless_shown
    ),
    "parts are overwritten": lambda: swapped(collector, "create_settled", _created_by_force),
    "answers change places": lambda: swapped(collector, "encode_part", _answers_swapped),
    "an unclear segment counts as written": lambda: swapped(
        journal_store, "create_settled", _unclear_is_success
    ),
    "an unclear segment counts as another's": lambda: swapped(
        journal_store, "create_settled", _unclear_is_failure
    ),
    "published before the last part": lambda: swapped(
        run, "publish_run", _publish_without_the_last
    ),
    "the manifest is overwritten": lambda: swapped(run, "publish_run", _publish_by_force),
    "shown before the manifest": lambda: swapped(run, "publish_run", _show_before_publish),
    "segments of newer epochs are deleted": lambda: swapped(
        JournalStore, "give_up", _give_up_all_epochs
    ),
    "segments are deleted before their part": lambda: swapped(
        Collector, "_write_part", _give_up_early
    ),
    "segments of newer epochs are taken for old": lambda: swapped(
        earlier_answers, "epoch_of", lambda _: 0
    ),
    "one refused row ends the run": lambda: swapped(RefusedRows, "hold_refused", _halt_at_once),
    "a refusal is always the row's own": lambda: swapped(Refusals, "_outvoted_rows", _blame_always),
    "an undecided refusal is forgotten": lambda: swapped(RefusedRows, "_keep_for_later", _nothing),
    "every failure counts": lambda: swapped(FailedRows, "_is_up_since", lambda *_: True),
    "failures before an answer count after any pause": lambda: swapped(failed_rows, "GAP_S", 1e9),
    "a row is given up at the first stall": lambda: swapped(
        failed_rows, "outlasts_outage", lambda *_: True
    ),
    "no row is ever given up": lambda: swapped(FailedRows, "_is_deciding", lambda _: False),
    "failures of earlier attempts are forgotten": lambda: swapped(
        EarlierAnswers, "restore_history", _restore_without_failures
    ),
    "unreadable answers are counted anew": lambda: swapped(
        EarlierAnswers, "restore_history", _restore_without_unread
    ),
    "a slow answer is a silence": lambda: swapped(
        Silence, "note_failure", _silent_since_the_last_answer
    ),
    "time in which no call is allowed is a silence": lambda: swapped(
        Silence, "note_failure", _silent_while_no_call_is_allowed
    ),
    "a stall ends calls in flight": lambda: swapped(
        FailedRows, "_end_unless_in_flight", _end_whatever_is_in_flight
    ),
    "the first answers are the opening": lambda: swapped(
        Opening, "note_result", _judge_what_came_first
    ),
    "the budget forgets earlier attempts": lambda: swapped(live, "open_budget", _new_budget),
    **LEASE_BUGS,
    **MERGING_BUGS,
}
