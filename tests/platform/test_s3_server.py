"""The S3 server of the demo and the tests keeps S3's word where moto alone does not."""

from __future__ import annotations

import http.client
import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import fsspec
import pytest

from demo.s3_server import AtomicWrites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from demo.s3_server import S3Server

WRITERS = 8
ROUNDS = 20
# moto does not check signatures, but takes a request without one for a stranger's.
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test-key/20200101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


def create_only_if_absent(s3: S3Server, path: str, body: bytes, start: threading.Barrier) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", s3.port, timeout=30)
    try:
        connection.connect()
        start.wait(timeout=30)
        connection.request("PUT", path, body=body, headers={"If-None-Match": "*", **SIGNED})
        return connection.getresponse().status
    finally:
        connection.close()


def read(s3: S3Server, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", s3.port, timeout=30)
    try:
        connection.request("GET", path, headers=SIGNED)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.fixture
def threads_that_take_turns_often() -> Iterator[None]:
    """Without the lock, moto then tells two writers that they won in most runs of the test below."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_that_take_turns_often")
def test_of_many_writers_at_once_exactly_one_creates_object(
    s3_server: S3Server, s3_bucket: str
) -> None:
    bodies = [f"writer {number}".encode() for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(ROUNDS):
            path = f"/{s3_bucket}/object-{number}"
            start = threading.Barrier(WRITERS)
            create = partial(create_only_if_absent, s3_server, path, start=start)
            statuses = list(pool.map(create, bodies))
            assert sorted(statuses) == [200] + [412] * (WRITERS - 1)
            assert read(s3_server, path) == bodies[statuses.index(200)]


@pytest.mark.parametrize(
    ("method", "may_overlap"), [("PUT", False), ("POST", False), ("DELETE", False), ("GET", True)]
)
def test_writes_are_serial_and_reads_run_in_parallel(method: str, may_overlap: bool) -> None:
    both_inside = threading.Barrier(2)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        try:
            both_inside.wait(timeout=0.2)
        except threading.BrokenBarrierError:
            return [b"alone"]
        return [b"together"]

    def request(_: int) -> bytes:
        environ: WSGIEnvironment = {"REQUEST_METHOD": method, "wsgi.input": io.BytesIO()}
        return b"".join(guarded(environ, lambda *_: lambda _: None))

    guarded = AtomicWrites(app)
    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(request, range(2)))
    assert answers == ({b"together"} if may_overlap else {b"alone"})


def test_fsspec_finds_the_server_through_the_environment(s3_bucket: str) -> None:
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    large = b"x" * (6 * 2**20)  # more than the 5 MiB where s3fs turns to several parts
    store.pipe(f"{s3_bucket}/folder/small", b"small")
    store.pipe(f"{s3_bucket}/folder/large", large)

    assert store.cat(f"{s3_bucket}/folder/small") == b"small"
    assert store.cat(f"{s3_bucket}/folder/large") == large
    assert sorted(store.ls(f"{s3_bucket}/folder", detail=False)) == [
        f"{s3_bucket}/folder/large",
        f"{s3_bucket}/folder/small",
    ]
    with pytest.raises(FileExistsError):
        store.pipe(f"{s3_bucket}/folder/small", b"again", mode="create")


def test_a_bucket_may_be_created_twice(s3_server: S3Server, s3_bucket: str) -> None:
    fsspec.filesystem("s3", skip_instance_cache=True).pipe(f"{s3_bucket}/kept", b"kept")
    s3_server.create_bucket(s3_bucket)
    assert read(s3_server, f"/{s3_bucket}/kept") == b"kept"


def test_the_server_prints_its_url_and_nothing_else(pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    command = [sys.executable, "-m", "demo.s3_server", "--bucket", "lake"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
            connection.request("GET", "/", headers=SIGNED)
            listing = connection.getresponse().read()
            connection.close()
        finally:
            process.terminate()
        rest_of_output, errors = process.communicate(timeout=30)
    assert b"<Name>lake</Name>" in listing
    assert rest_of_output == ""
    assert errors == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("PUT", "/b/k"), ("POST", "/moto-api/reset")]
)
@pytest.mark.parametrize("page", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_web_page_reads_and_changes_nothing(
    s3_server: S3Server, s3_bucket: str, method: str, path: str, page: dict[str, str]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", s3_server.port, timeout=30)
    try:
        connection.request(method, path, body=b"x", headers=SIGNED | page)
        answer = connection.getresponse()
        assert answer.status == http.HTTPStatus.FORBIDDEN
        assert b"Web pages are refused" in answer.read()
        assert not [name for name, _ in answer.getheaders() if name.startswith("Access-Control")]
    finally:
        connection.close()
    assert fsspec.filesystem("s3", endpoint_url=s3_server.url, skip_instance_cache=True).exists(
        s3_bucket
    )
