"""`airflow-aimlapi clean` removes what runs wrote, and nothing that a link leads to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.engine.durable.removal import remove_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.output.run_folders import RunFolders
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects
from tests.attacks.planted_trees import SECRET, state_of
from tests.commands.watched_store import WatchedStore

if TYPE_CHECKING:
    from pathlib import Path

NAMES = RunNames(run_key="0123456789abcdef" * 2)
OTHER = RunNames(run_key="f" * 32)
DAY_S = 86_400


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output with two old runs, beside a home directory."""
    store = FsspecStore(LocalFileSystem(), str(tmp_path / "out"))
    for names in (NAMES, OTHER):
        for name in (names.plan_name, names.segment_name(0, 1, 0), names.part_name(0)):
            store.create(name, b"of a run")
    for place in ("secret", "journal/secret", "00000/00000001-00000000", "plan.json"):
        (tmp_path / "home" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / place).write_bytes(SECRET)
    grow_old(tmp_path)
    return tmp_path / "out"


def grow_old(folder: Path) -> None:
    then_s = SystemClock().wall_us() / 1e6 - 40 * DAY_S
    for path in folder.rglob("*"):
        os.utime(path, (then_s, then_s), follow_symlinks=False)


def cleaned(out: Path) -> int:
    """Let everything be old, clean, and look at everything that is not below the output."""
    grow_old(out.parent)
    before = state_of(out.parent / "home")
    code = main(["clean", str(out), "--older-than", "30d", "--yes"])
    assert state_of(out.parent / "home") == before
    return code


def left_of(out: Path, names: RunNames) -> set[str]:
    folder = out / names.run_folder
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("target", ["home", "home/secret", "out", ".", "gone", "out/_aimlapi"])
@pytest.mark.parametrize("name", ["link", "journal/00000/link", "parts/part-00001.parquet"])
def test_run_folder_with_a_link_stays_and_names_it(
    out: Path, capsys: pytest.CaptureFixture[str], name: str, target: str
) -> None:
    link = out / NAMES.run_folder / name
    link.symlink_to(out.parent / target)
    assert cleaned(out) == 0
    assert link.is_symlink()
    assert f"{link} is a link or a special file; remove it yourself" in capsys.readouterr().out
    assert "plan.json" in left_of(out, NAMES)
    assert "plan.json" not in left_of(out, OTHER)


def test_link_in_a_circle_does_not_keep_clean_busy(out: Path) -> None:
    for name in ("a", "b"):
        (out / NAMES.run_folder / "journal" / name).symlink_to("..")
    assert cleaned(out) == 0
    assert "plan.json" in left_of(out, NAMES)


def test_pipe_in_a_run_folder_keeps_it(out: Path) -> None:
    os.mkfifo(out / NAMES.run_folder / "pipe")
    assert cleaned(out) == 0
    assert "plan.json" in left_of(out, NAMES)


def test_run_folder_that_is_a_link_is_passed_over(out: Path) -> None:
    (out / "_aimlapi" / ("a" * 32)).symlink_to(out.parent / "home")
    (out / "_aimlapi" / "home").symlink_to(out.parent / "home")
    assert cleaned(out) == 0
    assert "plan.json" not in left_of(out, NAMES)


def test_folder_of_all_runs_that_is_link_is_refused(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "_aimlapi").rename(out.parent / "home" / "runs")
    (out / "_aimlapi").symlink_to(out.parent / "home" / "runs")
    assert cleaned(out) != 0
    assert "_aimlapi' is a link" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["not-a-run", "A" * 32, "0" * 31, "0" * 33, "publication", "records"]
)
def test_folder_whose_name_is_no_run_key_is_untouched(out: Path, name: str) -> None:
    (out / "_aimlapi" / name).mkdir()
    (out / "_aimlapi" / name / "plan.json").write_bytes(SECRET)
    assert cleaned(out) == 0
    assert (out / "_aimlapi" / name / "plan.json").read_bytes() == SECRET


@pytest.mark.parametrize("swapped", ["", "/journal", "/journal/00000", "/parts"])
def test_link_swapped_in_between_survey_and_removal_gains_nothing(out: Path, swapped: str) -> None:
    """At the first deletion, what is to be deleted already leads to another's folder."""
    before = state_of(out.parent / "home")
    folder = out / f"{NAMES.run_folder}{swapped}"

    def swap(operation: str, _: str) -> None:
        if operation == "delete" and not folder.is_symlink():
            folder.rename(out / "moved")
            folder.symlink_to(out.parent / "home")

    fs = LocalFileSystem()
    store = WatchedStore(FsspecStore(fs, str(out)), swap)
    folders = RunFolders(store, StoredObjects(fs, str(out)))
    with pytest.raises(StoreUnsafe, match="is a link"):
        remove_run(folders, NAMES.run_key, older_than_s=30 * DAY_S, clock=SystemClock())
    assert state_of(out.parent / "home") == before


@pytest.mark.parametrize("name", [NAMES.segment_name(0, 1, 0), NAMES.part_name(0), NAMES.plan_name])
def test_file_swapped_for_link_is_removed_as_a_link(out: Path, name: str) -> None:
    before = state_of(out.parent / "home")

    def swap(operation: str, deleted: str) -> None:
        if operation == "delete" and deleted == name:
            (out / name).unlink()
            (out / name).symlink_to(out.parent / "home" / "secret")

    fs = LocalFileSystem()
    store = WatchedStore(FsspecStore(fs, str(out)), swap)
    folders = RunFolders(store, StoredObjects(fs, str(out)))
    remove_run(folders, NAMES.run_key, older_than_s=30 * DAY_S, clock=SystemClock())
    assert not (out / name).is_symlink()
    assert state_of(out.parent / "home") == before
