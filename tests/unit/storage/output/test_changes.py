"""The newest change names the runs whose parts may be visible, whatever else is stored there."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.core.durable.keys import SUCCESS_NAME, PublicationNames
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.output.changes import (
    Change,
    create_change,
    forget_changes,
    newest_change,
    read_success,
    shown_run,
)
from tests.fakes.memory_store import MemoryStore

OLD, NEW, THIRD = (letter * 32 for letter in "abc")
NAMES = PublicationNames()


def store_with(*changes: tuple[int, Change], leases: int = 9) -> MemoryStore:
    """A store with a lease of each epoch up to a number, and these changes by epoch."""
    store = MemoryStore()
    for epoch in range(1, leases + 1):
        store.write(NAMES.lease_name(epoch), b"token")
    for epoch, change in changes:
        create_change(store, epoch, change)
    return store


def success_of(run_key: str) -> bytes:
    manifest = f"_aimlapi/{run_key}/manifest.json"
    return json.dumps({"run_key": run_key, "manifest": manifest, "parts": 1, "rows": 1}).encode()


def test_next_run_replaces_the_one_before() -> None:
    assert Change(run_key=OLD).change_to(NEW) == Change(run_key=NEW, replaces=OLD)
    assert Change(run_key=None).change_to(NEW) == Change(run_key=NEW, replaces=None)


def test_repeated_run_keeps_what_it_replaces() -> None:
    change = Change(run_key=NEW, replaces=OLD)
    assert change.change_to(NEW) == change
    assert change.run_keys == (NEW, OLD)


def test_last_epoch_has_the_newest_change() -> None:
    store = store_with((2, Change(run_key=OLD)), (3, Change(run_key=NEW, replaces=OLD)))
    assert newest_change(store) == Change(run_key=NEW, replaces=OLD)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"run_key":"../x"}', b"x" * 100_000])
def test_damaged_change_gives_way_to_an_older_one(damage: bytes) -> None:
    store = store_with((2, Change(run_key=OLD)))
    store.write(NAMES.change_name(3), damage)
    assert newest_change(store) == Change(run_key=OLD)


def test_change_without_a_lease_does_not_count() -> None:
    store = store_with((2, Change(run_key=OLD)), (7, Change(run_key=NEW)), leases=6)
    assert newest_change(store) == Change(run_key=OLD)


def test_success_stands_in_for_a_missing_change() -> None:
    store = store_with()
    assert newest_change(store) == Change(run_key=None)
    store.write(SUCCESS_NAME, success_of(OLD))
    assert newest_change(store) == Change(run_key=OLD)


@pytest.mark.parametrize("content", [b"", b"{}", b"done", success_of("x" * 32)])
def test_success_of_another_tool_names_no_run(content: bytes) -> None:
    store = MemoryStore()
    store.write(SUCCESS_NAME, content)
    assert (read_success(store), shown_run(store)) == (None, None)


def test_change_is_created_once() -> None:
    store = store_with((2, Change(run_key=NEW)))
    create_change(store, 2, Change(run_key=NEW))
    with pytest.raises(JournalUnreadable, match="written by another program"):
        create_change(store, 2, Change(run_key=THIRD))


def test_only_older_changes_are_forgotten() -> None:
    store = store_with(*((epoch, Change(run_key=NEW)) for epoch in (1, 2, 3)))
    forget_changes(store, 2)
    assert store.list(NAMES.changes) == [NAMES.change_name(2), NAMES.change_name(3)]
