"""What plain readers see: one run's parts or the next one's, and nobody else's files harmed."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.core.keys import RunNames
from airflow_provider_aimlapi.core.manifest import (
    Manifest,
    PartEntry,
    Tally,
    encode_manifest,
    manifest_of,
)
from airflow_provider_aimlapi.engine.clock import SystemClock
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.publication import check_foreign, publish, run_in_place
from tests.fakes.memory_store import MemoryStore

CLOCK = SystemClock()
OLD, NEW = RunNames(run_key="a" * 32), RunNames(run_key="b" * 32)


def published(store: MemoryStore, names: RunNames, *visible: str) -> Manifest:
    """A run's staged parts and manifest, as they stand before they are put in place."""
    entries = []
    for part, name in enumerate(visible):
        store.create(names.part(part), f"{names.run_key[0]}{part}".encode())
        entries.append(
            PartEntry(
                part=part,
                staged_name=names.part(part),
                visible_name=name,
                sha256="",
                size_bytes=2,
                tally=Tally(ok=3),
            )
        )
    manifest = manifest_of(names.run_key, entries)
    store.create(names.manifest, encode_manifest(manifest))
    return manifest


def visible(store: MemoryStore) -> dict[str, bytes]:
    return {name: data for name, data in store.objects.items() if not name.startswith("_")}


def test_parts_are_copied_and_success_names_the_run() -> None:
    store = MemoryStore()
    publish(
        store,
        published(store, OLD, "ds=1/a-00000.parquet", "b-00000.parquet"),
        OLD,
        spread=CLOCK.spread,
    )
    assert visible(store) == {"ds=1/a-00000.parquet": b"a0", "b-00000.parquet": b"a1"}
    success = json.loads(store.objects["_SUCCESS"])
    assert success == {"run_key": OLD.run_key, "manifest": OLD.manifest, "parts": 2, "rows": 6}
    assert run_in_place(store) == OLD.run_key
    assert run_in_place(store) != NEW.run_key


def test_the_next_run_replaces_parts_and_removes_what_only_the_one_before_had() -> None:
    store = MemoryStore()
    publish(
        store,
        published(store, OLD, "a-00000.parquet", "gone/c-00000.parquet"),
        OLD,
        spread=CLOCK.spread,
    )
    store.create("notes.txt", b"the user's")
    publish(
        store, published(store, NEW, "a-00000.parquet", "d-00000.parquet"), NEW, spread=CLOCK.spread
    )
    assert visible(store) == {
        "a-00000.parquet": b"b0",
        "d-00000.parquet": b"b1",
        "notes.txt": b"the user's",
    }
    assert run_in_place(store) == NEW.run_key
    assert store.objects[OLD.part(0)] == b"a0"
    assert OLD.manifest in store.objects


def test_publishing_again_an_earlier_run_brings_it_back() -> None:
    store = MemoryStore()
    old = published(store, OLD, "a-00000.parquet", "c-00000.parquet")
    publish(store, old, OLD, spread=CLOCK.spread)
    publish(store, published(store, NEW, "a-00000.parquet"), NEW, spread=CLOCK.spread)
    publish(store, old, OLD, spread=CLOCK.spread)
    publish(store, old, OLD, spread=CLOCK.spread)
    assert visible(store) == {"a-00000.parquet": b"a0", "c-00000.parquet": b"a1"}
    assert run_in_place(store) == OLD.run_key


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

    def copy(self, source: str, target: str) -> None:
        self._change()
        super().copy(source, target)

    def delete(self, name: str) -> None:
        self._change()
        super().delete(name)

    def write(self, name: str, data: bytes) -> None:
        self._change()
        super().write(name, data)


@pytest.mark.parametrize("calls", range(6))
def test_cut_off_anywhere_it_is_finished_by_calling_again(calls: int) -> None:
    store = Watched()
    publish(
        store, published(store, OLD, "a-00000.parquet", "c-00000.parquet"), OLD, spread=CLOCK.spread
    )
    new = published(store, NEW, "a-00000.parquet", "d-00000.parquet")
    store.seen.clear()
    store.calls_left = calls
    if calls < 5:  # _SUCCESS away, two copies, one removal, _SUCCESS written
        with pytest.raises(StoreUnavailable):
            publish(store, new, NEW, spread=CLOCK.spread)
        assert run_in_place(store) != NEW.run_key
    store.calls_left = None
    publish(store, new, NEW, spread=CLOCK.spread)
    assert visible(store) == {"a-00000.parquet": b"b0", "d-00000.parquet": b"b1"}
    assert run_in_place(store) == NEW.run_key
    whole = {OLD.run_key: {b"a0", b"a1"}, NEW.run_key: {b"b0", b"b1"}}
    assert all(data == whole[run_key] for run_key, data in store.seen if run_key is not None)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"run_key": 1}', b"[]"])
def test_a_success_file_of_another_tool_is_not_ours(body: bytes) -> None:
    store = MemoryStore()
    store.create("_SUCCESS", body)
    assert run_in_place(store) != OLD.run_key
    publish(store, published(store, OLD, "a-00000.parquet"), OLD, spread=CLOCK.spread)
    assert run_in_place(store) == OLD.run_key


def test_a_file_that_is_not_ours_is_never_replaced() -> None:
    store = MemoryStore()
    publish(store, published(store, OLD, "a-00000.parquet"), OLD, spread=CLOCK.spread)
    store.create("b-00000.parquet", b"the user's")
    store.create("c.parquet", b"out of the way")
    check_foreign(store, ["a-00000.parquet", "new-00000.parquet"])
    with pytest.raises(InvalidSpec, match=r"b-00000\.parquet.*output_path"):
        check_foreign(store, ["a-00000.parquet", "b-00000.parquet"])


def test_a_manifest_that_does_not_read_back_stops_everything() -> None:
    store = MemoryStore()
    store.create(OLD.manifest, b"{}")
    with pytest.raises(JournalUnreadable, match=OLD.run_key):
        check_foreign(store, ["a-00000.parquet"])
