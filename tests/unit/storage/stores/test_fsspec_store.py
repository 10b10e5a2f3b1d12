"""What the stores' own suite cannot show: stores in trouble, and file systems that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pytest
import s3fs

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable, StoreUnsafe
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.object_store import create_settled, probe_store
from tests.fakes.scripted_s3 import ScriptedS3, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.s3_server import S3Server

FORBIDDEN = Trouble(status=403, code="AccessDenied")
OVERLOADED = Trouble(status=503, code="SlowDown")
LOST = Trouble(is_lost=True)


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[ScriptedS3]:
    with ScriptedS3(s3_server.url) as scripted:
        yield scripted


@pytest.fixture
def store(s3: ScriptedS3, s3_bucket: str) -> FsspecStore:
    """A store that does not try again by itself, so that tests need not wait."""
    fs = s3fs.S3FileSystem(
        endpoint_url=s3.url,
        config_kwargs={"retries": {"max_attempts": 0}},
        skip_instance_cache=True,
    )
    fs.retries = 1
    return FsspecStore(fs, f"s3://{s3_bucket}/out")


def test_no_permission_to_write_names_path_and_the_permission(
    s3: ScriptedS3, store: FsspecStore
) -> None:
    s3.script("PUT", FORBIDDEN)
    with pytest.raises(StoreUnsafe, match=r"s3://.*/out/probe.*s3:PutObject"):
        probe_store(store, "probe")


def test_no_permission_to_delete_is_found_by_the_probe(s3: ScriptedS3, store: FsspecStore) -> None:
    s3.script("DELETE", FORBIDDEN)
    with pytest.raises(StoreUnsafe, match="s3:DeleteObject"):
        probe_store(store, "probe")


def test_a_store_that_ignores_only_if_absent_is_refused(s3: ScriptedS3, store: FsspecStore) -> None:
    s3.script("PUT", Trouble(is_unconditional=True))
    with pytest.raises(StoreUnsafe, match="created twice"):
        probe_store(store, "probe")
    assert store.list("") == []


@pytest.mark.parametrize(
    "trouble",
    [
        OVERLOADED,
        Trouble(status=500, code="InternalError"),
        Trouble(status=409, code="ConditionalRequestConflict"),
        Trouble(status=400, code="RequestTimeout"),
        Trouble(status=400, code="ExpiredToken"),
        Trouble(status=429, code="TooManyRequests"),
    ],
    ids=lambda trouble: trouble.code,
)
def test_temporary_failure_is_unavailable_and_never_absent(
    s3: ScriptedS3, store: FsspecStore, trouble: Trouble
) -> None:
    for method in ("GET", "PUT", "HEAD"):
        s3.script(method, trouble)
    with pytest.raises(StoreUnavailable, match=r"s3://.*/out/x"):
        store.read("x", bytes_max=MIB)
    with pytest.raises(StoreUnavailable):
        store.list("")
    with pytest.raises(StoreUnavailable):
        store.create("x", b"x")
    with pytest.raises(StoreUnavailable):
        store.write("x", b"x")


def test_an_answer_that_breaks_off_is_unavailable(s3: ScriptedS3, store: FsspecStore) -> None:
    store.create("x", bytes(100_000))
    s3.script("GET", Trouble(is_cut=True))
    with pytest.raises(StoreUnavailable):
        store.read("x", bytes_max=MIB)
    s3.script("GET", None)
    assert store.read("x", bytes_max=MIB) == bytes(100_000)


@pytest.mark.parametrize("size_bytes", [0, 1, 1000, 1001, 5 * MIB])
def test_a_read_is_one_request_for_a_range(
    s3: ScriptedS3, store: FsspecStore, size_bytes: int
) -> None:
    """Nothing asks for an object's size first, and no more than the limit crosses the wire."""
    store.write("x", bytes(size_bytes))
    s3.requests.clear()
    if size_bytes <= 1000:
        assert store.read("x", bytes_max=1000) == bytes(size_bytes)
    else:
        with pytest.raises(JournalUnreadable, match="larger than 1,000 bytes"):
            store.read("x", bytes_max=1000)
    assert s3.requests == ["GET"]


def test_a_refused_read_is_not_an_absent_object(s3: ScriptedS3, store: FsspecStore) -> None:
    s3.script("GET", FORBIDDEN)
    with pytest.raises(StoreUnsafe, match="s3:GetObject"):
        store.read("x", bytes_max=MIB)


def test_bucket_that_is_missing_is_not_an_absent_object(s3_server: S3Server) -> None:
    store = FsspecStore(fsspec.filesystem("s3"), "s3://no-such-bucket-here/out")
    with pytest.raises(StoreUnsafe, match="no-such-bucket-here"):
        store.read("x", bytes_max=MIB)


def test_unclear_write_is_settled_by_reading_back(s3: ScriptedS3, store: FsspecStore) -> None:
    """Its answer was lost."""
    s3.script("PUT", LOST)
    with pytest.raises(StoreUnavailable):
        store.create("lease/1", b"mine")
    assert create_settled(store, "lease/2", b"mine")
    assert not create_settled(store, "lease/1", b"yours")
    s3.script("PUT", OVERLOADED)
    with pytest.raises(StoreUnavailable):
        create_settled(store, "lease/3", b"mine")


def test_write_that_s3fs_sent_twice_is_still_ours(s3: ScriptedS3, s3_bucket: str) -> None:
    fs = s3fs.S3FileSystem(
        endpoint_url=s3.url,
        config_kwargs={"retries": {"max_attempts": 1}},
        skip_instance_cache=True,
    )
    store = FsspecStore(fs, f"s3://{s3_bucket}/out")
    s3.script("PUT", LOST, None)
    assert create_settled(store, "plan.json", b"mine")
    assert s3.requests.count("PUT") > 1  # some versions of aiohttp send it once more, under s3fs
    assert store.read("plan.json", bytes_max=MIB) == b"mine"
    assert not create_settled(store, "plan.json", b"another's")


def test_nobody_listens(s3_bucket: str) -> None:
    with ScriptedS3() as gone:
        url = gone.url
    fs = s3fs.S3FileSystem(
        endpoint_url=url, config_kwargs={"retries": {"max_attempts": 0}}, skip_instance_cache=True
    )
    fs.retries = 1
    with pytest.raises(StoreUnavailable):
        FsspecStore(fs, f"s3://{s3_bucket}/out").read("x", bytes_max=MIB)


def test_a_file_system_without_an_atomic_create_is_refused(tmp_path: Path) -> None:
    other = fsspec.filesystem("dir", path=str(tmp_path), fs=fsspec.filesystem("file"))
    with pytest.raises(StoreUnsafe, match=r"Use file://, s3://.*DirFileSystem"):
        FsspecStore(other, "out")


def test_local_path_below_a_file_is_refused_clearly(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FsspecStore(fsspec.filesystem("file"), str(tmp_path / "file" / "out"))
    with pytest.raises(StoreUnsafe, match="file/out/probe"):
        probe_store(store, "probe")


def test_what_killed_writer_left_on_disk_is_no_object(tmp_path: Path) -> None:
    store = FsspecStore(fsspec.filesystem("file"), str(tmp_path))
    store.create("a/b", b"x")
    (tmp_path / "a" / ".aimlapi-0123").write_bytes(b"half")
    assert store.list("") == ["a/b"]
    assert store.create("a/c", b"y")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b", "c", ".aimlapi-0123"}
