"""What is adlfs's own among the stores' promises: copies, uploads in blocks, its errors."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from adlfs import AzureBlobFileSystem
from azure.storage.blob import BlobServiceClient, ContentSettings
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import (
    InputUnreadable,
    JournalUnreadable,
    StorageError,
    StoreUnavailable,
    StoreUnsafe,
)
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.object_store import create_settled
from tests.fakes.azurite import ACCOUNT, Azurite
from tests.fakes.scripted_s3 import ScriptedS3, Trouble
from tests.fakes.slow_copies import SlowCopies

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsspec import AbstractFileSystem

OVER_ONE_PUT = 64 * 2**20 + 1
"""The SDK uploads more than 64 MiB in blocks, and commits them."""


@pytest.fixture
def store(open_azure: Callable[[], AbstractFileSystem], bucket: str) -> FsspecStore:
    return FsspecStore(open_azure(), f"abfs://{bucket}/out")


def through(azurite: Azurite, front: ScriptedS3, bucket: str) -> FsspecStore:
    """The same container by way of a server in trouble; the SDK does not ask again by itself."""
    told = azurite.connection_string(f"{front.url}/{ACCOUNT}")
    fs = AzureBlobFileSystem(connection_string=told, skip_instance_cache=True)
    fs.service_client = AsyncBlobServiceClient.from_connection_string(told, retry_total=0)
    return FsspecStore(fs, f"abfs://{bucket}/out")


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_what_is_sent_in_blocks_is_created_once(store: FsspecStore) -> None:
    data = bytes(OVER_ONE_PUT)
    assert store.create("big", data)
    assert not store.create("big", b"\x01" * OVER_ONE_PUT)
    assert store.read("big", bytes_max=len(data)) == data


def test_blob_that_says_it_is_compressed_is_not_decompressed(
    azurite: Azurite, store: FsspecStore, bucket: str
) -> None:
    """A few kilobytes could otherwise fill the memory of whatever reads them."""
    bomb = gzip.compress(bytes(64 * MIB), 9)
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as client:
        client.get_blob_client(bucket, "out/_SUCCESS").upload_blob(
            bomb, content_settings=ContentSettings(content_encoding="gzip")
        )
    tracemalloc.start()
    try:
        assert store.read("_SUCCESS", bytes_max=MIB) == bomb
        with pytest.raises(JournalUnreadable, match="larger than 1,000 bytes"):
            store.read("_SUCCESS", bytes_max=1_000)
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def test_input_that_says_it_is_compressed_is_refused(
    azurite: Azurite, open_azure: Callable[[], AbstractFileSystem], bucket: str
) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as client:
        for name in ("in/a.parquet", "in/_a.parquet"):
            client.get_blob_client(bucket, name).upload_blob(
                b"x", content_settings=ContentSettings(content_encoding="gzip")
            )
    for path in ("in/", "in/a.parquet", "in/*.parquet"):
        with pytest.raises(
            InputUnreadable, match=r"without Content-Encoding: .*in/a\.parquet is stored"
        ):
            list_inputs(open_azure(), f"abfs://{bucket}/{path}")


def test_a_copy_that_takes_its_time_is_waited_for(
    azurite: Azurite, store: FsspecStore, bucket: str
) -> None:
    store.create("part", b"rows")
    with SlowCopies(azurite.url) as slow:
        through(azurite, slow, bucket).copy("part", "visible")
        assert slow.looks == 2
    assert store.read("visible", bytes_max=MIB) == b"rows"


def test_a_copy_that_azure_gives_up_is_tried_again(
    azurite: Azurite, store: FsspecStore, bucket: str
) -> None:
    store.create("part", b"rows")
    with (
        SlowCopies(azurite.url, ends_as="failed") as slow,
        pytest.raises(StoreUnavailable, match="ended as failed"),
    ):
        through(azurite, slow, bucket).copy("part", "visible")


def test_answer_that_is_lost_leaves_object_that_is_found(
    azurite: Azurite, store: FsspecStore, bucket: str
) -> None:
    with ScriptedS3(azurite.url) as losing:
        losing.script("PUT", Trouble(is_lost=True))
        seen = through(azurite, losing, bucket)
        with pytest.raises(StoreUnavailable):
            seen.create("lease/1", b"mine")
        assert create_settled(seen, "lease/1", b"mine")
        assert not create_settled(seen, "lease/1", b"another's")
    assert store.read("lease/1", bytes_max=MIB) == b"mine"


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Trouble(status=403, code="AuthorizationPermissionMismatch"), StoreUnsafe),
        (Trouble(status=403, code="AuthenticationFailed"), StoreUnsafe),
        (Trouble(status=404, code="ContainerNotFound"), StoreUnsafe),
        (Trouble(status=400, code="InvalidResourceName"), StoreUnsafe),
        (Trouble(status=408, code="RequestTimeout"), StoreUnavailable),
        (Trouble(status=429, code="TooManyRequests"), StoreUnavailable),
        (Trouble(status=500, code="OperationTimedOut"), StoreUnavailable),
        (Trouble(status=503, code="ServerBusy"), StoreUnavailable),
        (Trouble(is_lost=True), StoreUnavailable),
    ],
    ids=lambda value: getattr(value, "code", "") or getattr(value, "__name__", "lost"),
)
@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("GET", lambda store: store.read("x", bytes_max=MIB)),
        ("PUT", lambda store: store.create("y", b"y")),
        ("PUT", lambda store: store.write("y", b"y")),
        ("PUT", lambda store: store.copy("x", "y")),
        ("DELETE", lambda store: store.delete("x")),
    ],
    ids=["read", "create", "write", "copy", "delete"],
)
def test_who_must_act_when_azure_says_no(  # noqa: PLR0913, PLR0917  # two tables and what they need
    azurite: Azurite,
    store: FsspecStore,
    bucket: str,
    trouble: Trouble,
    kind: type[StorageError],
    method: str,
    call: Callable[[FsspecStore], object],
) -> None:
    store.create("x", b"x")
    with ScriptedS3(azurite.url) as scripted:
        scripted.script(method, trouble)
        with pytest.raises(kind):
            call(through(azurite, scripted, bucket))


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=503, code="ServerBusy"),
        Trouble(status=403, code="AuthorizationFailure"),
        Trouble(is_cut=True),
    ],
    ids=["busy", "forbidden", "cut"],
)
def test_listing_that_could_not_be_read_is_never_empty(
    azurite: Azurite, store: FsspecStore, bucket: str, trouble: Trouble
) -> None:
    store.create("x", b"x")
    with ScriptedS3(azurite.url) as scripted:
        scripted.script("GET", trouble)
        with pytest.raises(StorageError):
            through(azurite, scripted, bucket).list("")
