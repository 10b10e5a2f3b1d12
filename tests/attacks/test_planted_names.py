"""Objects whose names no run gives: listings pass over them, and nothing else reaches them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import fsspec
import pytest
from moto.s3.models import s3_backends

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

ACCOUNT = "123456789012"
KEYS = (
    *("/x", "//x", "a//b", "a/", "./a", "../a", "a/../b", "../../a", "a/..", "..", "a/./b"),
    *("a\\b", "..\\a", "a\nb", "a\rb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "_aimlapi/../../etc"),
    "a" * 1000 + "/b" * 20,
)
ON_DISK = ("a\\b", "..\\a", "a\nb", "a\rb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "f\n/in", "f\\/in")
VERSIONS = ("good?versionId=1", "good?versionId=", "a?versionId=1/good")


@dataclass(frozen=True)
class Site:
    """A store with one good object in it, and a way past it to plant others."""

    store: ObjectStore
    stored: StoredObjects | None
    plant: Callable[[str], object]
    names: tuple[str, ...]


@pytest.fixture(params=["fake", "memory", "s3", "local"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    made: Site = request.getfixturevalue(f"{request.param}_site")
    made.store.create("good", b"kept")
    return made


@pytest.fixture
def fake_site() -> Site:
    fake = MemoryStore()
    return Site(fake, None, lambda name: fake.objects.update({name: b"planted"}), KEYS)


@pytest.fixture
def memory_site() -> Site:
    fs, root = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}/out"

    def plant(name: str) -> None:
        with fs.open(f"{root}/elsewhere", "wb") as file:
            file.write(b"planted")
        fs.store[f"{root}/{name}"] = fs.store.pop(f"{root}/elsewhere")

    return Site(FsspecStore(fs, root), StoredObjects(fs, root), plant, KEYS)


@pytest.fixture
def s3_site(s3_bucket: str) -> Site:
    fs, root = fsspec.filesystem("s3", skip_instance_cache=True), f"{s3_bucket}/out"
    backend = s3_backends[ACCOUNT]["aws"]  # a client would resolve the dots, and write another key
    return Site(
        FsspecStore(fs, root),
        StoredObjects(fs, root),
        lambda name: backend.put_object(s3_bucket, f"out/{name}", b"planted"),
        (*KEYS, *VERSIONS),
    )


@pytest.fixture
def local_site(tmp_path: Path) -> Site:
    def plant(name: str) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"planted")

    fs = fsspec.filesystem("file")
    return Site(FsspecStore(fs, str(tmp_path)), StoredObjects(fs, str(tmp_path)), plant, ON_DISK)


def test_listing_passes_over_planted_names(site: Site) -> None:
    for name in site.names:
        site.plant(name)
    assert site.store.list("") == ["good"]
    assert site.stored is None or [found.name for found in site.stored.list_objects("")] == ["good"]


def test_planted_name_is_not_read_or_removed(site: Site) -> None:
    calls: tuple[Callable[[str], object], ...] = (
        lambda name: site.store.read(name, bytes_max=MIB),
        lambda name: site.store.copy(name, "good"),
        site.store.delete,
        lambda name: site.store.delete_all([name]),
    )
    for name, call in product(site.names, calls):
        site.plant(name)
        with pytest.raises(StoreUnsafe, match="Nothing was read or written"):
            call(name)
    assert site.store.read("good", bytes_max=MIB) == b"kept"


def test_planted_name_does_not_hide_a_good_one(site: Site) -> None:
    for name in site.names:
        site.plant(name)
    site.store.create("a/good", b"2")
    site.store.delete("good")
    assert site.store.list("") == ["a/good"]
    assert site.store.list("a/") == ["a/good"]
