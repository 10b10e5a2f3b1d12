"""A store on disk reaches nothing outside its root, whatever stands below that root."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import tracemalloc
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import JournalUnreadable, StorageError, StoreUnsafe
from airflow_provider_aimlapi.storage.access import local_files
from airflow_provider_aimlapi.storage.access.local_files import folder_below, open_root
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects
from tests.attacks.planted_trees import (
    Planting,
    names,
    ordinary_files,
    plant,
    plantings,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWAPS = 60


def store_at(root: Path) -> FsspecStore:
    return FsspecStore(fsspec.filesystem("file"), str(root))


@contextmanager
def system(*, has_descriptors: bool) -> Iterator[None]:
    """A system that opens files relative to a folder, or one that cannot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_files, "HAS_DESCRIPTORS", has_descriptors)
        yield


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"])
def any_system(request: pytest.FixtureRequest) -> Iterator[None]:
    with system(has_descriptors=request.param):
        yield


@settings(max_examples=50)
@given(tree=plantings(), name=names(), other=names(), has_descriptors=st.booleans())
def test_store_reaches_nothing_outside_its_root(
    tree: list[Planting], name: str, other: str, has_descriptors: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, system(has_descriptors=has_descriptors):
        root = plant(Path(folder), tree)
        outside = state_of(root.parent / "outside")
        store, stored = store_at(root), StoredObjects(fsspec.filesystem("file"), str(root))
        listed = ordinary_files(root)
        assert store.list("") == [found.name for found in stored.list_objects("")] == listed
        assert [store.read(found, bytes_max=MIB) for found in listed] == [b"inside"] * len(listed)
        with suppress(StorageError):
            assert store.read(name, bytes_max=MIB) in {None, b"inside"}
        changes: tuple[Callable[[], object], ...] = (
            lambda: store.create(name, b"inside"),
            lambda: store.write(other, b"inside"),
            lambda: store.copy(name, other),
            lambda: store.copy(other, name),
            lambda: store.list(f"{name}/"),
            lambda: stored.list_objects(f"{other}/"),
            lambda: store.delete(name),
            lambda: store.delete_all([other, *listed]),
        )
        for change in changes:
            with suppress(StorageError):
                change()
        assert state_of(root.parent / "outside") == outside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file in a folder, beside a folder that is none of its business."""
    made = plant(tmp_path, [Planting("a/x", "file")])
    (made / "linked").symlink_to(tmp_path / "outside")
    (made / "link").symlink_to(tmp_path / "outside" / "secret")
    return made


@pytest.mark.usefixtures("any_system")
@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.read("linked/secret", bytes_max=MIB),
        lambda store: store.read("linked/folder/x.parquet", bytes_max=MIB),
        lambda store: store.read("link", bytes_max=MIB),
        lambda store: store.create("linked/new", b"x"),
        lambda store: store.create("linked/new/new", b"x"),
        lambda store: store.write("linked/secret", b"x"),
        lambda store: store.copy("linked/secret", "copy"),
        lambda store: store.copy("link", "copy"),
        lambda store: store.copy("a/x", "linked/copy"),
        lambda store: store.delete("linked/secret"),
        lambda store: store.delete_all(["linked/secret"]),
        lambda store: store.list("linked/"),
        lambda store: store.list("linked/folder/"),
    ],
)
def test_link_on_the_way_is_refused_by_name(
    root: Path, call: Callable[[FsspecStore], object]
) -> None:
    before = state_of(root.parent)
    with pytest.raises(
        StoreUnsafe, match=r"links .* are not followed .*/lake/link(ed)?' is a link"
    ):
        call(store_at(root))
    assert state_of(root.parent) == before


@pytest.mark.usefixtures("any_system")
def test_link_in_an_objects_place_is_never_followed(root: Path) -> None:
    outside = state_of(root.parent / "outside")
    store = store_at(root)
    assert not store.create("link", b"x")
    store.write("link", b"written")
    assert store.read("link", bytes_max=MIB) == b"written"
    (root / "other").symlink_to(root.parent / "outside" / "secret")
    store.delete("other")
    assert not (root / "other").is_symlink()
    assert state_of(root.parent / "outside") == outside


@pytest.mark.usefixtures("any_system")
@pytest.mark.parametrize("target", ["/dev/zero", "/dev/full", "/dev/stdin", "/proc/self/environ"])
def test_link_to_a_device_is_not_opened(root: Path, target: str) -> None:
    (root / "_SUCCESS").symlink_to(target)
    with pytest.raises(StoreUnsafe, match="_SUCCESS' is a link"):
        store_at(root).read("_SUCCESS", bytes_max=MIB)


@pytest.mark.usefixtures("any_system")
def test_pipe_and_folder_are_refused_at_once(root: Path) -> None:
    """A blocking open of a pipe would wait for its other end."""
    os.mkfifo(root / "pipe")
    for name in ("pipe", "a"):
        with pytest.raises(StoreUnsafe, match=f"/{name}' is not an ordinary file"):
            store_at(root).read(name, bytes_max=MIB)
        with pytest.raises(StoreUnsafe):
            store_at(root).copy(name, "copy")
    assert store_at(root).list("") == ["a/x"]


def test_huge_file_is_refused_without_being_loaded(root: Path) -> None:
    with (root / "_SUCCESS").open("wb") as file:
        file.truncate(3 * 1024 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(JournalUnreadable, match="larger than 65,536 bytes"):
            store_at(root).read("_SUCCESS", bytes_max=65_536)
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_folder_swapped_for_a_link_keeps_its_meaning(root: Path) -> None:
    """Between two steps, the folder that is open becomes another name's, and a link its own."""
    outside = state_of(root.parent / "outside")
    with folder_below(open_root(str(root)), ["a"]) as folder:
        (root / "a").rename(root / "moved")
        (root / "a").symlink_to(root.parent / "outside")
        with folder.create_file("secret") as file:
            file.write(b"inside")
        folder.unlink_file("x")
        with folder.open_file("secret") as file:
            assert file.read() == b"inside"
    assert state_of(root.parent / "outside") == outside
    assert ordinary_files(root) == ["moved/secret"]


@pytest.mark.parametrize("swaps", [SWAPS, pytest.param(5_000, marks=pytest.mark.attack)])
def test_link_swapped_in_again_and_again_gains_nothing(root: Path, swaps: int) -> None:
    outside = state_of(root.parent / "outside")
    is_over = threading.Event()

    def swap() -> None:
        for number in itertools.count():
            with suppress(OSError):
                (root / "a").rename(root / f"kept-{number}")
            with suppress(OSError):
                (root / "a").symlink_to(root.parent / "outside")
            with suppress(OSError):
                (root / "a").unlink()
            if is_over.is_set():
                return

    swapper = threading.Thread(target=swap)
    swapper.start()
    store = store_at(root)
    try:
        for _ in range(swaps):
            for act in (
                lambda: store.write("a/secret", b"inside"),
                lambda: store.create("a/new", b"inside"),
                lambda: store.delete("a/secret"),
                lambda: store.delete("a/new"),
            ):
                with suppress(StorageError):
                    act()
            with suppress(StorageError):
                assert store.read("a/secret", bytes_max=MIB) in {None, b"inside"}
            with suppress(StorageError):
                assert not any(name.startswith("a/folder") for name in store.list("a/"))
    finally:
        is_over.set()
        swapper.join()
    assert state_of(root.parent / "outside") == outside


def test_root_is_resolved_once(root: Path) -> None:
    link = root.parent / "out"
    link.symlink_to(root)
    store = store_at(link)
    assert store.read("a/x", bytes_max=MIB) == b"inside"
    link.unlink()
    link.symlink_to(root.parent / "outside")
    store.write("a/y", b"inside")
    assert store.list("") == ["a/x", "a/y"]
    assert ordinary_files(root) == ["a/x", "a/y"]


def test_root_swapped_for_a_link_is_refused(root: Path) -> None:
    store = store_at(root)
    root.rename(root.parent / "kept")
    root.symlink_to(root.parent / "outside")
    with pytest.raises(StoreUnsafe, match="/lake' is a link"):
        store.read("secret", bytes_max=MIB)
    with pytest.raises(StoreUnsafe, match="/lake' is a link"):
        store.list("")


@pytest.mark.usefixtures("any_system")
@pytest.mark.parametrize(
    ("umask", "file_mode", "folder_mode"),
    [(0o022, 0o640, 0o750), (0o002, 0o660, 0o770), (0o077, 0o600, 0o700), (0, 0o660, 0o770)],
)
def test_written_file_is_not_for_everyone(
    tmp_path: Path, umask: int, file_mode: int, folder_mode: int
) -> None:
    before = os.umask(umask)
    try:
        store = store_at(tmp_path / "made" / "out")
        store.create("ds=1/a", b"x")
        store.write("_SUCCESS", b"x")
        store.copy("ds=1/a", "ds=2/b")
    finally:
        os.umask(before)
    for path in (tmp_path / "made").rglob("*"):
        assert path.stat().st_mode & 0o777 == (folder_mode if path.is_dir() else file_mode), path
    assert (tmp_path / "made").stat().st_mode & 0o777 == folder_mode


def test_name_too_long_for_disk_is_not_tried_again(root: Path) -> None:
    with pytest.raises(StoreUnsafe, match="a name is too long for this disk"):
        store_at(root).create("n" * 300, b"x")


def test_folders_too_deep_for_a_name_are_passed_over(root: Path) -> None:
    with folder_below(open_root(str(root)), ["deep"] * 600, is_made=True) as folder:
        folder.create_file("x").close()
    assert store_at(root).list("") == ["a/x"]
