"""What plain readers see: one run's parts or the next one's, and nobody else's files harmed."""

from __future__ import annotations

import json
from itertools import count

import pytest

from airflow_provider_aimlapi.core.durable.keys import PublicationNames, RunNames
from airflow_provider_aimlapi.core.durable.plan import Plan, Shard
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.output.changes import newest_change, shown_run
from airflow_provider_aimlapi.storage.output.visible_files import check_foreign, show_run
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan
from tests.fakes.memory_store import MemoryStore
from tests.fakes.staged_run import part_bytes, stage_run

map_in_threads = SystemClock().map_in_threads
OLD, NEW, THIRD = (RunNames(run_key=letter * 32) for letter in "abc")
PLACES = PublicationNames()
EPOCHS = count(1)


def show(store: MemoryStore, names: RunNames, *visible: str) -> None:
    """Put a run in place under the next lease, staging it before if it is not yet there."""
    if names.manifest_name not in store.objects:
        stage_run(store, names, *visible)

    plan = read_plan(store, names)
    assert plan is not None
    manifest = read_manifest(store, names, plan)
    assert manifest is not None
    epoch = next(EPOCHS)
    store.write(PLACES.lease_name(epoch), b"token")
    show_run(store, manifest, epoch=epoch, map_in_threads=map_in_threads)


def part(names: RunNames, number: int) -> bytes:
    return part_bytes(names.run_key, number)


def visible(store: MemoryStore) -> dict[str, bytes]:
    return {name: data for name, data in store.objects.items() if not name.startswith("_")}


def plan_of(names: RunNames, *visible: str) -> Plan:
    shards = (
        Shard(part=number, file=0, first_row=0, rows=1, visible_name=name)
        for number, name in enumerate(visible)
    )
    return Plan(run_key=names.run_key, shards=tuple(shards))


def test_parts_are_copied_and_success_names_the_run() -> None:
    store = MemoryStore()
    show(store, OLD, "ds=1/a-00000.parquet", "b-00000.parquet")
    assert visible(store) == {"ds=1/a-00000.parquet": part(OLD, 0), "b-00000.parquet": part(OLD, 1)}
    success = json.loads(store.objects["_SUCCESS"])
    assert success == {"run_key": OLD.run_key, "manifest": OLD.manifest_name, "parts": 2, "rows": 6}
    assert shown_run(store) == OLD.run_key
    assert shown_run(store) != NEW.run_key


def test_next_run_replaces_parts_and_removes_the_rest() -> None:
    """The rest is what only the run before it had."""
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet", "gone/c-00000.parquet")
    store.create("notes.txt", b"the user's")
    show(store, NEW, "a-00000.parquet", "d-00000.parquet")
    assert visible(store) == {
        "a-00000.parquet": part(NEW, 0),
        "d-00000.parquet": part(NEW, 1),
        "notes.txt": b"the user's",
    }
    assert shown_run(store) == NEW.run_key
    assert store.objects[OLD.part_name(0)] == part(OLD, 0)
    assert OLD.manifest_name in store.objects


def test_publishing_again_an_earlier_run_brings_it_back() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet", "c-00000.parquet")
    show(store, NEW, "a-00000.parquet")
    show(store, OLD)
    show(store, OLD)
    assert visible(store) == {"a-00000.parquet": part(OLD, 0), "c-00000.parquet": part(OLD, 1)}
    assert shown_run(store) == OLD.run_key


def test_only_the_newest_change_is_kept() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    show(store, NEW, "a-00000.parquet")
    change = newest_change(store)
    assert (change.run_key, change.replaces) == (NEW.run_key, OLD.run_key)
    assert len(store.list(PLACES.changes)) == 1


class Watched(MemoryStore):
    """Fails at the given call that changes something, and notes what a reader would see."""

    def __init__(self) -> None:
        super().__init__()
        self.calls_left: int | None = None
        self.seen: list[tuple[str | None, frozenset[bytes]]] = []

    def _change(self) -> None:
        success = self.objects.get("_SUCCESS")
        run_key = json.loads(success)["run_key"] if success else None
        self.seen.append((run_key, frozenset(visible(self).values())))
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise StoreUnavailable("cut off")

    def create(self, name: str, data: bytes) -> bool:
        if name.startswith(PLACES.changes):
            self._change()
        return super().create(name, data)

    def copy(self, source: str, target: str) -> None:
        self._change()
        super().copy(source, target)

    def delete(self, name: str) -> None:
        self._change()
        super().delete(name)

    def write(self, name: str, data: bytes) -> None:
        if not name.startswith(PLACES.lease_prefix):
            self._change()
        super().write(name, data)


WHOLE = {
    OLD.run_key: {part(OLD, 0), part(OLD, 1)},
    NEW.run_key: {part(NEW, 0), part(NEW, 1)},
    THIRD.run_key: {part(THIRD, 0), part(THIRD, 1)},
}


@pytest.mark.parametrize("calls", range(8))
def test_cut_off_anywhere_it_is_finished_by_calling_again(calls: int) -> None:
    store = Watched()
    show(store, OLD, "a-00000.parquet", "c-00000.parquet")
    stage_run(store, NEW, "a-00000.parquet", "d-00000.parquet")
    store.seen.clear()
    store.calls_left = calls
    if calls < 7:  # change, _SUCCESS away, two copies, a removal, _SUCCESS, the old change away
        with pytest.raises(StoreUnavailable):
            show(store, NEW)
    store.calls_left = None
    show(store, NEW)
    assert visible(store) == {"a-00000.parquet": part(NEW, 0), "d-00000.parquet": part(NEW, 1)}
    assert shown_run(store) == NEW.run_key
    assert all(data == WHOLE[run_key] for run_key, data in store.seen if run_key is not None)


@pytest.mark.parametrize("calls", range(7))
def test_third_run_takes_the_place_of_a_cut_one(calls: int) -> None:
    """Whatever instant the second was cut off at, the third one knows whose files are there."""
    store = Watched()
    show(store, OLD, "a-00000.parquet", "c-00000.parquet")
    stage_run(store, NEW, "a-00000.parquet", "d-00000.parquet")
    stage_run(store, THIRD, "d-00000.parquet", "e-00000.parquet")
    store.seen.clear()
    store.calls_left = calls
    with pytest.raises(StoreUnavailable):
        show(store, NEW)
    store.calls_left = calls
    with pytest.raises(StoreUnavailable):
        show(store, THIRD)
    store.calls_left = None
    show(store, THIRD)
    assert visible(store) == {"d-00000.parquet": part(THIRD, 0), "e-00000.parquet": part(THIRD, 1)}
    assert all(data == WHOLE[run_key] for run_key, data in store.seen if run_key is not None)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"run_key": 1}', b"[]", b"[" * 100_000])
def test_a_success_file_of_another_tool_is_not_ours(body: bytes) -> None:
    store = MemoryStore()
    store.create("_SUCCESS", body)
    assert shown_run(store) != OLD.run_key
    show(store, OLD, "a-00000.parquet")
    assert shown_run(store) == OLD.run_key


def test_a_file_that_is_not_ours_is_never_replaced() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    store.create("b-00000.parquet", b"the user's")
    store.create("c.parquet", b"out of the way")
    check_foreign(store, plan_of(NEW, "a-00000.parquet", "new-00000.parquet"), map_in_threads)
    with pytest.raises(InvalidSpec, match=r"output_path.*b-00000\.parquet"):
        check_foreign(store, plan_of(NEW, "a-00000.parquet", "b-00000.parquet"), map_in_threads)


def test_file_that_came_during_the_run_is_refused_whole() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    stage_run(store, NEW, "a-00000.parquet", "b-00000.parquet")
    store.create("b-00000.parquet", b"the user's")
    before = dict(visible(store))
    with pytest.raises(InvalidSpec, match=r"b-00000\.parquet.*without a call"):
        show(store, NEW)
    assert visible(store) == before
    assert shown_run(store) == OLD.run_key


def test_our_file_that_the_user_replaced_is_foreign() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet", "c-00000.parquet")
    store.write("c-00000.parquet", b"the user's")
    show(store, NEW, "a-00000.parquet")
    assert visible(store) == {"a-00000.parquet": part(NEW, 0), "c-00000.parquet": b"the user's"}


def test_part_of_an_unshown_run_is_foreign() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    stage_run(store, THIRD, "b-00000.parquet")
    store.create("b-00000.parquet", part(THIRD, 0))
    with pytest.raises(InvalidSpec, match=r"b-00000"):
        check_foreign(store, plan_of(NEW, "b-00000.parquet"), map_in_threads)


@pytest.mark.parametrize("gone", [OLD.plan_name, OLD.part_name(0)])
def test_part_without_its_plan_or_staged_part_is_foreign(gone: str) -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    store.delete(gone)
    with pytest.raises(InvalidSpec, match=r"a-00000"):
        check_foreign(store, plan_of(NEW, "a-00000.parquet"), map_in_threads)


def test_missing_staged_part_is_named_before_anything_changes() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    stage_run(store, NEW, "a-00000.parquet", "b-00000.parquet")
    store.delete(NEW.part_name(1))
    with pytest.raises(JournalUnreadable, match=r"part-00001\.parquet"):
        show(store, NEW)
    assert visible(store) == {"a-00000.parquet": part(OLD, 0)}
    assert shown_run(store) == OLD.run_key


def test_change_of_no_lease_does_not_count() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    store.create(PLACES.change_name(99_999_999), b'{"run_key":null}')
    assert newest_change(store).run_key == OLD.run_key
    show(store, NEW, "a-00000.parquet")
    assert visible(store) == {"a-00000.parquet": part(NEW, 0)}


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b'{"run_key":"../x"}'])
def test_change_that_does_not_read_back_counts_as_none(body: bytes) -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    for name in store.list(PLACES.changes):
        store.write(name, body)
    assert newest_change(store).run_key == OLD.run_key
    show(store, NEW, "a-00000.parquet")
    assert visible(store) == {"a-00000.parquet": part(NEW, 0)}


def test_change_planted_for_the_next_lease_is_named() -> None:
    store = MemoryStore()
    show(store, OLD, "a-00000.parquet")
    stage_run(store, NEW, "b-00000.parquet")
    epoch = next(EPOCHS) + 1
    store.create(PLACES.change_name(epoch), b"planted")
    with pytest.raises(JournalUnreadable, match=f"{epoch:08d}"):
        show(store, NEW)
    assert visible(store) == {"a-00000.parquet": part(OLD, 0)}
