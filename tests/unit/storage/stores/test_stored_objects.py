"""Listings with sizes and times, on every kind of store that can be had here."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_aimlapi.core.texts.typed_path import VARIABLE
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.access.opening import open_file_system
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp() * 1_000_000)
SLACK_US = 5_000_000
"""S3 tells whole seconds."""


class TellingFileSystem(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's memory, whose listings tell of times as another store does."""

    told: dict[str, Any] = {}  # noqa: RUF012

    def find(self, path: str, **_: Any) -> dict[str, dict[str, Any]]:
        return {f"{path}/x": {"name": f"{path}/x", "size": 3, **self.told}}


@pytest.fixture(params=["local", "s3", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    roots: dict[str, Callable[[], str]] = {
        "local": lambda: str(tmp_path),
        "s3": lambda: f"s3://{request.getfixturevalue('s3_bucket')}/out",
        "memory": lambda: f"memory://{uuid.uuid4().hex}",
    }
    return roots[request.param]()


def test_names_sizes_and_times(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "memory")
    fs, path = open_file_system(root)
    store, stored = FsspecStore(fs, path), StoredObjects(fs, path)
    assert stored.list_objects("_aimlapi/") == []
    began_us = SystemClock().wall_us()
    store.write("_aimlapi/b", b"22")
    store.write("_aimlapi/a/c", b"333")
    store.write("elsewhere", b"1")
    found = stored.list_objects("_aimlapi/")
    assert [(one.name, one.size_bytes) for one in found] == [("_aimlapi/a/c", 3), ("_aimlapi/b", 2)]
    assert [one.name for one in stored.list_objects("")] == store.list("")
    for one in found:
        assert began_us - SLACK_US < one.modified_us < SystemClock().wall_us() + SLACK_US
    store.delete("_aimlapi/b")
    assert [one.name for one in stored.list_objects("_aimlapi/")] == ["_aimlapi/a/c"]


@pytest.mark.parametrize(
    "told",
    [
        {"LastModified": NOON},
        {"mtime": NOON.timestamp()},
        {"updated": "2026-03-01T12:00:00.000Z"},
        {"last_modified": NOON},
        {"created": NOON.replace(tzinfo=None)},
        {"mtime": NOON, "updated": "2020-01-01T00:00:00Z"},
    ],
)
def test_times_in_the_words_of_each_store(told: dict[str, Any]) -> None:
    fs = TellingFileSystem(skip_instance_cache=True)
    fs.told = told
    [one] = StoredObjects(fs, "memory://telling").list_objects("a/")
    assert one.modified_us == NOON_US


@pytest.mark.parametrize("told", [{}, {"mtime": None}, {"updated": "yesterday"}, {"mtime": True}])
def test_a_store_that_tells_no_time_is_refused(told: dict[str, Any]) -> None:
    fs = TellingFileSystem(skip_instance_cache=True)
    fs.told = told
    with pytest.raises(StoreUnsafe, match="its age is unknown"):
        StoredObjects(fs, "memory://telling").list_objects("a/")


def test_a_bucket_that_is_missing_is_told(s3_bucket: str) -> None:
    with pytest.raises(StoreUnsafe, match="no-such-bucket-here"):
        StoredObjects(fsspec.filesystem("s3"), "s3://no-such-bucket-here/out").list_objects("")
