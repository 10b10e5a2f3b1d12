"""An attempt continues a run without a wrong row, wherever a removal was interrupted."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.durable import segments
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.lease import Heartbeat
from airflow_provider_aimlapi.core.durable.retention import REMOVAL_TOKEN
from airflow_provider_aimlapi.engine.durable.removal import AN_ATTEMPT_BEGAN, Removal, remove_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.output.run_folders import RunFolders
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects
from tests.commands.conftest import (
    DAY_S,
    grow_old,
    names_in,
    run_folder,
    stop_half_way,
)
from tests.commands.watched_store import WatchedStore
from tests.runs.conftest import Workplace, expected

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_PROMPT = "In one word:\n\n{body}"
ROWS = 60
# An attempt that waits for a heartbeat that is gone would wait five minutes, and fail here.
pytestmark = pytest.mark.timeout(120)


def nothing(operation: str, name: str) -> None:
    """Do not interfere."""


def removal(
    place: Workplace, run_key: str, before: Callable[[str, str], None] = nothing
) -> Removal:
    store = WatchedStore(FsspecStore(place.fs, place.output), before)
    folders = RunFolders(store, StoredObjects(place.fs, place.output))
    return remove_run(folders, run_key, older_than_s=30 * DAY_S, clock=SystemClock())


def copy_of(place: Workplace, name: str) -> Workplace:
    """The same output path elsewhere, the same input."""
    output = f"{place.output}-{name}"
    shutil.copytree(place.output, output)
    grow_old(output, days=40)
    return replace(place, output=output)


def dying_at(cut: int, *, is_dead_after: bool) -> Callable[[str, str], None]:
    """Make the store refuse after a number of deletions: further deletions, or everything."""
    deletions = itertools.count()
    is_dead = False

    def before(operation: str, name: str) -> None:
        nonlocal is_dead
        if operation == "delete" and next(deletions) >= cut:
            is_dead = is_dead_after
            raise StoreUnavailable(f"{name}: no more deletions")
        if is_dead:
            raise StoreUnavailable("no more of anything")

    return before


def check_exact(place: Workplace) -> None:
    result = place.result()
    assert result["id"].to_pylist() == list(range(ROWS))
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]


@pytest.mark.parametrize(("merged_at_once", "least"), [(ROWS, 3), (8, 1)])
def test_a_failed_run_is_taken_up_after_any_cut(
    place: Workplace, merged_at_once: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a segment for each flush, and with merged ones."""
    monkeypatch.setattr(segments, "MERGED_AT_ONCE", merged_at_once)
    run_key = stop_half_way(place, 45)
    present = names_in(place, run_key)
    assert sum(name.startswith("parts/") for name in present) >= 1
    assert sum(name.startswith("journal/") for name in present) >= least
    paid_again = []
    for cut in range(len(present)):
        copy = copy_of(place, str(cut))
        with pytest.raises(StoreUnavailable):
            removal(copy, run_key, dying_at(cut, is_dead_after=False))
        left = names_in(copy, run_key)
        assert len(set(present) - set(left)) == cut
        calls = len(place.paid_prompts())
        report = copy.run()
        check_exact(copy)
        paid_again.append(len(place.paid_prompts()) - calls)
        assert report.reused + paid_again[-1] == ROWS
    assert paid_again == sorted(paid_again)
    assert paid_again[0] < ROWS
    assert paid_again[-1] == ROWS


def test_a_published_run_is_put_back_after_any_cut(place: Workplace) -> None:
    run_key = place.run().run_key
    manifest = place.fs.cat_file(f"{run_folder(place, run_key)}/manifest.json")
    place.run(place.job(prompt=OTHER_PROMPT))
    present = names_in(place, run_key)
    for cut in range(len(present)):
        copy = copy_of(place, str(cut))
        with pytest.raises(StoreUnavailable):
            removal(copy, run_key, dying_at(cut, is_dead_after=False))
        calls = len(place.paid_prompts())
        copy.run()
        check_exact(copy)
        paid_again = len(place.paid_prompts()) - calls
        again = copy.fs.cat_file(f"{run_folder(copy, run_key)}/manifest.json")
        assert (paid_again == 0) is (again == manifest) is (cut <= 1)


@pytest.mark.parametrize("is_dead_after", [False, True])
def test_removal_continues_an_interrupted_one(place: Workplace, is_dead_after: bool) -> None:
    run_key = stop_half_way(place, 45)
    present = names_in(place, run_key)
    for cut in (0, 1, len(present) // 2, len(present) - 1):
        copy = copy_of(place, str(cut))
        with pytest.raises(StoreUnavailable):
            removal(copy, run_key, dying_at(cut, is_dead_after=is_dead_after))
        assert removal(copy, run_key).kept is None
        assert names_in(copy, run_key)[-1:] == ["lease/00000003"]
        assert len(names_in(copy, run_key)) <= 2
        grow_old(copy.output, days=31)
        assert removal(copy, run_key).kept is None
        assert names_in(copy, run_key) == []


def test_attempt_continues_after_a_killed_removal(place: Workplace) -> None:
    run_key = stop_half_way(place, 45)
    grow_old(place.output, days=40)
    with pytest.raises(StoreUnavailable):
        removal(place, run_key, dying_at(4, is_dead_after=True))
    assert "heartbeat/00000002" not in names_in(place, run_key)
    place.run(lease_ttl_s=0.3, request_timeout_s=0.5)
    check_exact(place)


def test_an_attempt_that_begins_meanwhile_ends_the_removal(place: Workplace) -> None:
    run_key = stop_half_way(place, 45)
    present = names_in(place, run_key)
    grow_old(place.output, days=40)
    leases = LeaseStore(FsspecStore(place.fs, place.output), RunNames(run_key=run_key))

    def attempt_begins(operation: str, name: str) -> None:
        if operation == "delete" and not any(epoch > 2 for epoch in leases.list_epochs()):
            leases.acquire_epoch(token="an attempt")

    result = removal(place, run_key, attempt_begins)
    assert result.kept == AN_ATTEMPT_BEGAN
    left = names_in(place, run_key)
    assert result.objects == len(set(present) - set(left))
    assert any(name.startswith("parts/") for name in left)
    assert "lease/00000003" in left
    assert "plan.json" in left
    heartbeat = leases.read_heartbeat(2)
    assert heartbeat is not None
    assert heartbeat.state == "released"


def test_an_attempt_that_was_just_faster_keeps_everything(place: Workplace) -> None:
    run_key = stop_half_way(place, 45)
    present = names_in(place, run_key)
    grow_old(place.output, days=40)
    leases = LeaseStore(FsspecStore(place.fs, place.output), RunNames(run_key=run_key))

    def attempt_is_faster(operation: str, name: str) -> None:
        if operation == "create" and leases.list_epochs() == [1]:
            assert leases.acquire_epoch(token="an attempt") == 2
            leases.write_heartbeat(2, Heartbeat(state="running", beat=1))

    result = removal(place, run_key, attempt_is_faster)
    assert result.kept is not None
    assert result.objects == 0
    assert set(present) < set(names_in(place, run_key))
    lease = place.fs.cat_file(f"{run_folder(place, run_key)}/lease/00000003")
    assert lease.startswith(REMOVAL_TOKEN.encode())


def test_manifest_returns_while_another_run_is_replaced(place: Workplace) -> None:
    run_key = place.run().run_key
    place.run(place.job(prompt=OTHER_PROMPT))
    present = names_in(place, run_key)
    grow_old(place.output, days=40)

    def publication_begins(operation: str, name: str) -> None:
        if operation == "delete" and name.endswith("/manifest.json"):
            place.fs.rm_file(f"{place.output}/_SUCCESS")

    result = removal(place, run_key, publication_begins)
    assert result.kept == "it is being shown"
    assert set(present) <= set(names_in(place, run_key))
    assert place.run().requests == 0
    check_exact(place)


def test_vanished_folders_are_no_error(place: Workplace) -> None:
    assert removal(place, "0" * 32) == Removal()
