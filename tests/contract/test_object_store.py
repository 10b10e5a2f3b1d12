"""What every object store promises: one suite for the disk, S3, Google, Azure, memory and our fake."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import JournalUnreadable, StorageError, StoreUnsafe
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.object_store import create_settled, probe_store
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

WRITERS = 16
NAMES = (
    *("a b", "a+b", "a%20b", "a%2Fb", "a#b", "a?b", "a&b=c", "a:b", "a@b", "é", "[x]*", "{x}"),
    *("...", "..a", "a..", ".a", "~", "$HOME", "%2e%2e", "a%00b", "a\u202eb"),
)
BAD_NAMES = (
    *("", ".", "..", "/", "/a", "a/", "a//b", "./a", "../a", "a/../b", "a/..", "a/./b", "../../a"),
    *(
        "a\\b",
        "..\\a",
        "a\nb",
        "a\rb",
        "a\x00b",
        "\x1b[2Ja",
        "a\x7f",
        "a\u2028b",
        "\udc80",
        "a" * 1025,
    ),
)

CALLS: tuple[Callable[[ObjectStore, str], object], ...] = (
    lambda store, name: store.read(name, bytes_max=MIB),
    lambda store, name: store.create(name, b"x"),
    lambda store, name: store.write(name, b"x"),
    lambda store, name: store.copy("good", name),
    lambda store, name: store.copy(name, "good"),
    lambda store, name: store.delete(name),
    lambda store, name: store.delete_all([name]),
    lambda store, name: store.delete_all(["good", name]),
    lambda store, name: store.list(f"{name}/"),
    lambda store, name: store.uri(f"{name}/x"),
)


@pytest.fixture(params=["local", "memory", "s3", "gcs", "azure", "fake"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens one and the same store, again and again, as several workers do."""
    if request.param == "fake":
        fake = MemoryStore()
        return lambda: fake
    if request.param == "local":
        return lambda: FsspecStore(fsspec.filesystem("file"), f"file://{tmp_path}/out")
    if request.param == "memory":
        root = f"memory://{uuid.uuid4().hex}/out/"
        return lambda: FsspecStore(fsspec.filesystem("memory"), root)
    if request.param in ("gcs", "azure"):
        opened = request.getfixturevalue(f"open_{request.param}")
        url = f"{request.param}://{request.getfixturevalue('bucket')}/out/"
        return lambda: FsspecStore(opened(), url.replace("azure", "abfs"))
    bucket = request.getfixturevalue("s3_bucket")
    # An instance each, as workers have: nothing tells one that another wrote.
    return lambda: FsspecStore(
        fsspec.filesystem("s3", skip_instance_cache=True), f"s3://{bucket}/out/"
    )


@pytest.fixture
def store(reopen: Callable[[], ObjectStore]) -> ObjectStore:
    return reopen()


def test_created_object_reads_back_and_missing_one_is_none(store: ObjectStore) -> None:
    assert store.read("a/b.bin", bytes_max=MIB) is None
    assert store.create("a/b.bin", b"\x00one")
    assert store.read("a/b.bin", bytes_max=MIB) == b"\x00one"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    assert store.create("empty", b"")
    assert store.read("empty", bytes_max=MIB) == b""
    assert not store.create("empty", b"full")
    assert store.read("empty", bytes_max=MIB) == b""


def test_a_read_stops_above_its_limit(store: ObjectStore) -> None:
    store.create("x", b"1234")
    assert store.read("x", bytes_max=4) == b"1234"
    assert store.read("x", bytes_max=5) == b"1234"
    for bytes_max in (3, 1, 0):
        with pytest.raises(JournalUnreadable, match=rf"/x is larger than {bytes_max} bytes"):
            store.read("x", bytes_max=bytes_max)


def test_an_object_is_read_from_its_end(store: ObjectStore) -> None:
    assert store.read_end("x", bytes_max=3) is None
    store.create("x", b"1234")
    store.create("empty", b"")
    assert [store.read_end("x", bytes_max=most) for most in (1, 3, 4, 5, MIB)] == [
        b"4",
        b"234",
        *[b"1234"] * 3,
    ]
    assert store.read_end("empty", bytes_max=3) == b""
    store.write("x", b"and now longer")
    assert store.read_end("x", bytes_max=6) == b"longer"


def test_an_empty_object_is_within_every_limit(store: ObjectStore) -> None:
    store.create("empty", b"")
    assert store.read("empty", bytes_max=0) == b""
    assert store.read("none", bytes_max=0) is None


def test_create_settled_refuses_what_is_longer_or_shorter(store: ObjectStore) -> None:
    store.write("plan.json", b"ours, and more")
    assert not create_settled(store, "plan.json", b"ours")
    store.write("plan.json", b"")
    assert not create_settled(store, "plan.json", b"ours")


def test_create_never_changes_what_exists(store: ObjectStore) -> None:
    assert store.create("lease/1", b"mine")
    assert not store.create("lease/1", b"yours")
    assert not store.create("lease/1", b"mine")
    assert store.read("lease/1", bytes_max=MIB) == b"mine"


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_object_larger_than_usual_upload_part_is_created_once(store: ObjectStore) -> None:
    data = bytes(12 * 1024 * 1024)
    assert store.create("big", data)
    assert not store.create("big", b"small")
    assert store.read("big", bytes_max=len(data)) == data


def test_of_many_writers_one_creates(reopen: Callable[[], ObjectStore]) -> None:
    stores = [reopen() for _ in range(WRITERS)]
    start = Barrier(WRITERS)

    def race(number: int) -> bool:
        start.wait()
        return stores[number].create("race/here", b"writer %d" % number)

    with ThreadPoolExecutor(WRITERS) as threads:
        won = list(threads.map(race, range(WRITERS)))
    assert won.count(True) == 1
    assert stores[0].read("race/here", bytes_max=MIB) == b"writer %d" % won.index(True)


def test_listing_is_sorted_deep_relative_and_within_its_folder(store: ObjectStore) -> None:
    for name in ("j/2/b", "j/1/a", "j/1/c", "jj/x", "k"):
        store.create(name, b"x")
    assert store.list("j/") == ["j/1/a", "j/1/c", "j/2/b"]
    assert store.list("") == ["j/1/a", "j/1/c", "j/2/b", "jj/x", "k"]
    assert store.list("none/") == []


def test_visible_names_leave_out_what_runs_store(store: ObjectStore) -> None:
    assert store.list_visible() == []
    visible = [
        "_SUCCESS",
        "_aimlapis/x",
        "a-00000.parquet",
        "ds=1/a",
        "ds=1/deep/b",
        "ds=2/_aimlapi/c",
    ]
    for name in ("_aimlapi/k/plan.json", *visible, "_aimlapi/publication/lease/1"):
        store.write(name, b"x")
    assert store.list_visible() == visible
    for name in visible:
        store.delete(name)
    assert store.list_visible() == []


def test_listing_and_read_see_other_workers_writes_at_once(
    reopen: Callable[[], ObjectStore],
) -> None:
    here, there = reopen(), reopen()
    here.create("parts/1", b"1")
    assert here.list("parts/") == ["parts/1"]
    there.create("parts/2", b"2")
    assert here.read("parts/2", bytes_max=MIB) == b"2"
    here.copy("parts/2", "parts/3")
    here.delete("parts/3")
    assert here.list("parts/") == ["parts/1", "parts/2"]
    there.delete("parts/1")
    assert here.list("parts/") == ["parts/2"]
    assert here.read("parts/1", bytes_max=MIB) is None


def test_write_replaces_and_copy_replaces(store: ObjectStore) -> None:
    store.write("_SUCCESS", b"old")
    store.write("_SUCCESS", b"new")
    assert store.read("_SUCCESS", bytes_max=MIB) == b"new"
    store.create("staged/1", b"part")
    store.copy("staged/1", "ds=2026-01-01/part é 1.parquet")
    store.copy("staged/1", "_SUCCESS")
    assert store.read("ds=2026-01-01/part é 1.parquet", bytes_max=MIB) == b"part"
    assert store.read("_SUCCESS", bytes_max=MIB) == b"part"
    assert store.read("staged/1", bytes_max=MIB) == b"part"


def test_names_with_url_and_glob_characters_are_plain_names(store: ObjectStore) -> None:
    """An input's names come back in the output's."""
    for name in NAMES:
        assert store.create(f"in/{name}", name.encode())
        assert not store.create(f"in/{name}", b"other")
        store.copy(f"in/{name}", f"out/{name}")
    assert store.list("out/") == sorted(f"out/{name}" for name in NAMES)
    assert [store.read(f"out/{name}", bytes_max=MIB) for name in NAMES] == [
        name.encode() for name in NAMES
    ]
    store.delete("in/a?b")
    assert store.list("in/") == sorted(f"in/{name}" for name in NAMES if name != "a?b")


def test_name_that_is_no_object_name_is_refused(store: ObjectStore) -> None:
    """Whatever a plan or a manifest says: it can reach objects below the root only."""
    store.create("good", b"kept")
    for bad, call in product(BAD_NAMES, CALLS):
        with pytest.raises(StoreUnsafe, match="not the name of an object") as refusal:
            call(store, bad)
        assert str(refusal.value).isprintable()
        assert len(str(refusal.value)) < 1_500
    assert store.list("") == ["good"]
    assert store.read("good", bytes_max=MIB) == b"kept"


def test_a_copy_of_nothing_is_an_error(store: ObjectStore) -> None:
    with pytest.raises(StorageError):
        store.copy("none", "target")
    assert store.read("target", bytes_max=MIB) is None


def test_deleting_twice_is_fine(store: ObjectStore) -> None:
    store.create("x", b"x")
    store.delete("x")
    store.delete("x")
    assert store.read("x", bytes_max=MIB) is None
    assert store.create("x", b"again")


def test_many_are_deleted_and_no_others(store: ObjectStore) -> None:
    for name in (*NAMES, "more/1", "more/2", "more/3"):
        store.create(name, b"x")
    store.delete_all([*NAMES, "more/1", "more/2", "never/there"])
    assert store.list("") == ["more/3"]
    store.delete_all(["more/3"])
    store.delete_all([])
    assert store.list("") == []


def test_create_settled_tells_ours_from_others(store: ObjectStore) -> None:
    assert create_settled(store, "plan.json", b"ours")
    assert create_settled(store, "plan.json", b"ours")
    assert not create_settled(store, "plan.json", b"theirs")


def test_the_probe_passes_and_leaves_nothing(store: ObjectStore) -> None:
    probe_store(store, "_aimlapi/probe-1")
    assert store.list("") == []


def test_a_uri_says_where_without_a_connection_id(store: ObjectStore) -> None:
    assert store.uri("a/b").endswith("/a/b")
    assert "@" not in store.uri("a/b")
