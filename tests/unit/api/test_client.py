"""What the client sends, what it refuses to send, and where the key must not turn up."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, InvalidSpec, WireViolation
from tests.unit.api.raw_server import KEY, RawServer, answering, http_answer, saying

if TYPE_CHECKING:
    import asyncio


def client_of(endpoint: Endpoint, *, timeout_s: float = 5.0) -> CompletionClient:
    transport = open_transport(connections_max=2)
    return CompletionClient(endpoint, transport=transport, request_timeout_s=timeout_s)


async def test_one_post_with_the_headers_that_the_api_wants() -> None:
    async with answering(http_answer()) as server, client_of(server.endpoint) as client:
        await client.send(b'{"model": "m"}', "run:row.7-1")
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    names = [line.partition(": ")[0].lower() for line in lines]
    headers = dict(zip(names, (line.partition(": ")[2] for line in lines), strict=True))
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "14"
    assert headers["accept-encoding"] == "identity"
    assert headers["x-client-request-id"] == "run:row.7-1"
    assert len(set(names)) == len(names)
    assert body == b'{"model": "m"}'


async def test_a_base_url_with_a_path_keeps_it() -> None:
    async with answering(http_answer()) as server:
        prefixed = Endpoint(base_url=f"{server.endpoint.base_url}/gateway", key=KEY)
        async with client_of(prefixed) as client:
            await client.send(b"{}", "row")
    assert server.requests[0].startswith(b"POST /gateway/v1/chat/completions HTTP/1.1\r\n")


async def test_a_body_of_five_megabytes_arrives_whole() -> None:
    body = b'{"prompt": "' + b"text " * 1_000_000 + b'"}'
    async with answering(http_answer()) as server, client_of(server.endpoint) as client:
        await client.send(body, "row")
    head, _, received = server.requests[0].partition(b"\r\n\r\n")
    assert received == body
    assert b"chunked" not in head.lower()


async def test_the_answer_carries_the_headers_that_matter() -> None:
    headers = (
        "x-inference-id: inf-1",
        "X-Request-Id: req-1",
        "X-AIMLAPI-Credits-Used: 2480",
        "x-aimlapi-usd-spent: 0.001240000",
        "Retry-After: 3",
        "x-inference-id: a second one",
    )
    whole = http_answer(b"{}", content_type="Application/JSON; charset=utf-8", headers=headers)
    async with answering(whole) as server, client_of(server.endpoint) as client:
        answer = await client.send(b"{}", "row")
    assert answer == Answer(
        status=200,
        content_type="application/json",
        body=b"{}",
        inference_id="inf-1",
        request_id="req-1",
        credits_used="2480",
        usd_spent="0.001240000",
        retry_after="3",
    )


async def test_connections_are_used_again_and_cookies_are_not() -> None:
    baked = http_answer(headers=("Set-Cookie: session=1; Path=/",))
    async with answering(baked) as server:
        # By name: no client keeps the cookies of a bare address.
        named = Endpoint(base_url=f"http://localhost:{server.port}", key=KEY)
        async with client_of(named) as client:
            for _ in range(3):
                await client.send(b"{}", "row")
    assert server.connections == 1
    assert not [request for request in server.requests if b"cookie" in request.lower()]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with answering(http_answer()) as elsewhere:
        location = f"Location: {elsewhere.endpoint.base_url}/v1/chat/completions"
        moved = http_answer(b"", status=status, headers=(location,))
        async with answering(moved) as server, client_of(server.endpoint) as client:
            answer = await client.send(b"{}", "row")
    assert elsewhere.connections == 0
    with pytest.raises(AccessRefused, match=r"^Put the new base URL into"):
        decode_answer(answer)


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(http_answer()) as proxy, answering(http_answer()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.endpoint.base_url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        async with client_of(server.endpoint) as client:
            await client.send(b"{}", "row")
    assert (proxy.connections, server.connections) == (0, 1)


@pytest.mark.parametrize("bad_id", ["", "x" * 129, "a b", "a\r\nX-Evil: 1", "a/b", "ä", "a\n"])
async def test_id_that_the_api_would_drop_is_refused_unsent(
    bad_id: str,
) -> None:
    async with answering(http_answer()) as server, client_of(server.endpoint) as client:
        with pytest.raises(InvalidSpec, match="client request id"):
            await client.send(b"{}", bad_id)
    assert server.connections == 0


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    "server",
    [
        saying([]),
        RawServer(never_answers),
        saying([b"nonsense\r\n\r\n"]),
        saying([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]),
        saying([b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000]),
        answering(http_answer(headers=("Content-Encoding: br",))),
        answering(http_answer(f"Bad key: Bearer {KEY}".encode(), status="401 Unauthorized")),
        answering(http_answer(f'{{"message": "{KEY}"}}'.encode(), status="500 Error")),
        answering(http_answer(KEY.encode(), status="302 Found")),
    ],
    ids=["closed", "silent", "no http", "cut off", "flood", "encoding", "401", "500", "302"],
)
async def test_no_error_holds_the_key_wherever_one_looks(server: RawServer) -> None:
    async with server, client_of(server.endpoint, timeout_s=0.2) as client:
        with pytest.raises(ApiError) as failed:
            decode_answer(await client.send(b"{}", "row"))
        report = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    error = failed.value
    shown = "".join(
        (*report.format(), repr(error), str(error), repr(vars(error)), repr(error.args))
    )
    assert KEY not in shown
    assert (error.__cause__, error.__context__) == (None, None)


async def test_no_refused_connection_holds_the_key() -> None:
    async with answering(http_answer()) as server:
        endpoint = server.endpoint
    async with client_of(endpoint) as client:
        with pytest.raises(ApiError) as failed:
            await client.send(b"{}", "row")
        report = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    assert KEY not in "".join(report.format())
    assert KEY not in repr(client) + repr(endpoint)


ESCAPED = "".join(f"\\u{ord(character):04X}" for character in KEY)


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
@pytest.mark.parametrize("said", [KEY, ESCAPED, KEY[:3] + ESCAPED[18:]])
async def test_a_key_that_the_server_repeats_goes_no_further(said: str, status: str) -> None:
    body = f'{{"error": "{said}", "rest": "\\u00e9 \\n"}}'.encode()
    fields = (f"X-Request-Id: {KEY}", f"Retry-After: {'x' * 190}{KEY}")
    async with (
        answering(http_answer(body, status=status, headers=fields)) as server,
        client_of(server.endpoint) as client,
    ):
        answer = await client.send(b"{}", "row")
    assert answer.body == b'{"error": "[key]", "rest": "\\u00e9 \\n"}'
    assert answer.request_id == "[key]"
    assert answer.retry_after == "x" * 190 + "[key]"


async def test_a_key_as_an_encodings_name_goes_no_further() -> None:
    async with (
        answering(http_answer(b"{}", headers=(f"Content-Encoding: {KEY}",))) as server,
        client_of(server.endpoint) as client,
    ):
        with pytest.raises(WireViolation, match="content encoding was not requested") as failed:
            await client.send(b"{}", "row")
    assert KEY not in repr(vars(failed.value))
