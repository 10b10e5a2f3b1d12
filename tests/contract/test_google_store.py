"""What is gcsfs's own among the stores' promises: its uploads, its errors, a store that ignores."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from gcsfs.core import GCSFileSystem
from gcsfs.retry import validate_response

from airflow_provider_aimlapi.core.durable.object_sizes import MIB
from airflow_provider_aimlapi.errors import InputUnreadable, JournalUnreadable, StoreUnsafe
from airflow_provider_aimlapi.storage.access.store_errors import Meaning, meaning_of
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.object_store import probe_store
from tests.fakes.gcs_server import GcsServer
from tests.fakes.scripted_s3 import ScriptedS3, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsspec import AbstractFileSystem

OVER_A_CHUNK = 50 * 2**20 + 1
"""gcsfs sends more than 50 MiB in chunks, unless told otherwise."""


@pytest.fixture
def store(open_gcs: Callable[[], AbstractFileSystem], bucket: str) -> FsspecStore:
    return FsspecStore(open_gcs(), f"gs://{bucket}/out")


def test_a_store_that_ignores_only_if_absent_is_refused() -> None:
    with GcsServer(is_conditional=False) as server:
        server.create_bucket("lake")
        fs = GCSFileSystem(token="anon", endpoint_url=server.url, skip_instance_cache=True)
        with pytest.raises(StoreUnsafe, match="created twice"):
            probe_store(FsspecStore(fs, "gs://lake/out"), "_aimlapi/probe-1")
        assert fs.find("lake") == []


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_large_object_is_created_once_by_one_request(gcs_server: GcsServer, bucket: str) -> None:
    """gcsfs would send it in chunks."""
    gcs_server.create_bucket(bucket)
    with ScriptedS3(gcs_server.url) as counting:
        fs = GCSFileSystem(token="anon", endpoint_url=counting.url, skip_instance_cache=True)
        store = FsspecStore(fs, f"gs://{bucket}/out")
        data = bytes(OVER_A_CHUNK)
        assert store.create("big", data)
        assert counting.requests == ["POST"]
        assert not store.create("big", data)
        assert store.read("big", bytes_max=len(data)) == data


class Compressing(ScriptedS3):
    """Says of each object that it is stored compressed, as Google does where its writer said so."""

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        status, answered, content = super().pass_on(method, path, headers, body)
        return status, [*answered, ("Content-Encoding", "gzip")], content


def test_object_that_says_it_is_compressed_is_not_decompressed(
    gcs_server: GcsServer, store: FsspecStore, bucket: str
) -> None:
    """A few kilobytes could otherwise fill the memory of whatever reads them."""
    bomb = gzip.compress(bytes(64 * MIB), 9)
    store.write("_SUCCESS", bomb)
    with Compressing(gcs_server.url) as compressing:
        fs = GCSFileSystem(token="anon", endpoint_url=compressing.url, skip_instance_cache=True)
        seen = FsspecStore(fs, f"gs://{bucket}/out")
        tracemalloc.start()
        try:
            assert seen.read("_SUCCESS", bytes_max=MIB) == bomb
            with pytest.raises(JournalUnreadable, match="larger than 1,000 bytes"):
                seen.read("_SUCCESS", bytes_max=1_000)
            assert tracemalloc.get_traced_memory()[1] < 4 * MIB
        finally:
            tracemalloc.stop()
        assert compressing.requests == ["GET", "GET"]


def test_input_that_says_it_is_compressed_is_refused(
    open_gcs: Callable[[], AbstractFileSystem], bucket: str
) -> None:
    told = {"content_encoding": "gzip"}
    for name in ("in/a.parquet", "in/_a.parquet"):
        with open_gcs().open(f"{bucket}/{name}", "wb", fixed_key_metadata=told) as file:
            file.write(b"x")
    for path in ("in/", "in/a.parquet", "in/*.parquet"):
        with pytest.raises(
            InputUnreadable, match=r"without Content-Encoding: .*in/a\.parquet is stored"
        ):
            list_inputs(open_gcs(), f"gs://{bucket}/{path}")


@pytest.mark.parametrize(
    "data", [b"a\n--==0==\nb", b"a\r\n--==0==--\r\nb", b"--==0==--", b"a\r", b"\r\n\r\nb", b"a\n"]
)
def test_bytes_like_the_end_of_an_upload_are_kept(store: FsspecStore, data: bytes) -> None:
    """Else an object would be shorter than what was sent, and nothing would say so."""
    assert store.create("part", data)
    assert store.read("part", bytes_max=MIB) == data
    assert not store.create("part", b"--==0==, too")
    store.write("part", b"other: --==0==")
    assert store.read("part", bytes_max=MIB) == b"other: --==0=="


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, "forbidden"),
        (401, "forbidden"),
        (403, "forbidden"),
        (404, "absent"),
        (408, "passing"),
        (409, "passing"),
        (412, "exists"),
        (429, "passing"),
        (500, "passing"),
        (502, "passing"),
        (503, "passing"),
        (504, "passing"),
    ],
)
@pytest.mark.parametrize("is_json", [True, False])
def test_what_gcsfs_makes_of_an_answer(status: int, meaning: Meaning, is_json: bool) -> None:
    """Through the function that gcsfs hands each answer to: its retries would take a minute."""
    error = {"error": {"code": status, "message": "as scripted", "errors": []}}
    body = json.dumps(error).encode() if is_json else b"<html>as scripted</html>"
    with pytest.raises(Exception) as caught:  # noqa: PT011  # of any class
        validate_response(status, body, "b/lake/o/x")
    assert meaning_of(caught.value) == meaning


def test_no_permission_is_for_a_person_to_mend(gcs_server: GcsServer) -> None:
    with ScriptedS3(gcs_server.url) as refusing:
        fs = GCSFileSystem(token="anon", endpoint_url=refusing.url, skip_instance_cache=True)
        refusing.script("POST", Trouble(status=403))
        with pytest.raises(StoreUnsafe, match=r"storage\.objects\.create"):
            FsspecStore(fs, "gs://lake/out").create("x", b"x")


def test_answer_that_is_lost_leaves_object_that_is_found(
    gcs_server: GcsServer, bucket: str
) -> None:
    """gcsfs asks again by itself, and is told that there is one: its own."""
    gcs_server.create_bucket(bucket)
    with ScriptedS3(gcs_server.url) as losing:
        fs = GCSFileSystem(token="anon", endpoint_url=losing.url, skip_instance_cache=True)
        store = FsspecStore(fs, f"gs://{bucket}/out")
        losing.script("POST", Trouble(is_lost=True), None)
        assert not store.create("lease/1", b"mine")
        assert store.read("lease/1", bytes_max=MIB) == b"mine"
