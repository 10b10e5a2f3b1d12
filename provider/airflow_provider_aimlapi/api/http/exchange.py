"""One HTTP exchange: request out, answer in, within one deadline and limits on size. No retries.

It does not interpret the answer, and logs nothing. Its errors hold no reference to the request.
"""

from __future__ import annotations

from http.client import TOO_MANY_REQUESTS
from typing import TYPE_CHECKING

import httpx
import msgspec

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.http.content_encoding import decode_content
from airflow_provider_aimlapi.api.http.transport import EXCHANGE_TIMEOUT, ROUTE_NOTE
from airflow_provider_aimlapi.api.http.transport_failures import (
    TRANSPORT_FAILURES,
    error_from_deadline,
    error_from_failure,
)
from airflow_provider_aimlapi.api.messages.answer_body import EVENT_STREAM
from airflow_provider_aimlapi.api.messages.completion_reading import reported_cost
from airflow_provider_aimlapi.api.messages.damaged_json import utf8_of
from airflow_provider_aimlapi.api.messages.error_messages import with_message
from airflow_provider_aimlapi.api.messages.json_values import Unreadable
from airflow_provider_aimlapi.errors import ApiError, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval

ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""The most bytes of an answer, on the wire and decoded. A model writes at most 128,000 tokens, and this is
several times as much, even if each character is escaped in JSON."""
STREAM_BYTES_MAX = 32 * 1024 * 1024
"""The same for requested server-sent events: about 250 bytes for each of 128,000 tokens."""
_HEADER_CHARACTERS_MAX = 200
_FIELDS = {
    b"x-inference-id": "inference_id",
    b"x-request-id": "request_id",
    b"x-aimlapi-credits-used": "credits_used",
    b"x-aimlapi-usd-spent": "usd_spent",
    b"retry-after": "retry_after",
    b"date": "date",
    b"content-type": "content_type",
    b"content-encoding": "content_encoding",
}


async def exchange(
    transport: httpx.AsyncBaseTransport,
    request: httpx.Request,
    *,
    timeout_s: float,
    key_removal: KeyRemoval,
    is_streaming: bool = False,
) -> Answer:
    """Send a request and read its whole answer.

    Args:
        transport: called directly. It applies EXCHANGE_TIMEOUT.
        request: sent unchanged. A redirect is returned like any other answer.
        timeout_s: the most seconds from the request for a connection to the last byte of the
            answer, however slowly bytes arrive.
        key_removal: removes the key from everything that the server sends.
        is_streaming: whether the request asks for server-sent events, which may be longer than
            another answer.

    Raises:
        ApiUnavailable: there was no connection, it broke, or the deadline passed.
        AccessRefused: the server's certificate is not valid, or a proxy refuses the connection.
        WireViolation: the answer is not HTTP, is larger than a limit, or has an encoding that was
            not requested. The error keeps the headers of a 2xx.
    """
    failure: ApiError
    request.extensions[EXCHANGE_TIMEOUT] = timeout_s
    try:
        response = await transport.handle_async_request(request)
        return await _read_answer(response, key_removal, is_streaming=is_streaming)
    except httpx.ReadTimeout:
        failure = error_from_deadline(timeout_s, origin=_origin_shown(request))
    except TRANSPORT_FAILURES as error:
        failure = error_from_failure(error, origin=_origin_shown(request))
    # Raised outside of `except`, so that no context refers to an exception that holds the key.
    raise failure


async def _read_answer(
    response: httpx.Response, key_removal: KeyRemoval, *, is_streaming: bool
) -> Answer:
    fields = _used_header_fields(response, key_removal)
    encoding = fields.pop("content_encoding", "").strip().lower()
    content_type = fields.pop("content_type", "").partition(";")[0].strip().lower()
    is_long = is_streaming and content_type == EVENT_STREAM
    bytes_max = STREAM_BYTES_MAX if is_long else ANSWER_BYTES_MAX
    head = Answer(status=response.status_code, content_type=content_type, body=b"", **fields)
    failure: WireViolation
    try:
        # The limit holds twice: for what arrives, and for what it expands to.
        raw = decode_content(
            await _read_whole_body(response, bytes_max), encoding, bytes_max=bytes_max
        )
        body = utf8_of(raw)  # in another encoding the key would not be found
        # The thorough search is slow: it is for errors that are kept, which answers with 429 are not.
        is_frequent = head.is_success or head.status == TOO_MANY_REQUESTS
        clean = key_removal.remove_key if is_frequent else key_removal.clean_error
        return msgspec.structs.replace(head, body=clean(body))
    except Unreadable as error:
        failure = _refused_answer(head, error)
    raise failure


def _refused_answer(head: Answer, error: Unreadable) -> WireViolation:
    """Return the error for an answer whose body was dropped. It keeps what the headers report."""
    is_success = head.is_success  # only a success is charged, whatever an error's headers say
    reason = f"HTTP {head.status}, but the answer cannot be used: {error.reason}"
    return WireViolation(
        f"{reason}.",
        in_full=with_message(reason, error.message) + ".",
        status=head.status,
        request_id=head.request_id,
        is_perhaps_billed=True,
        cost_nano_usd=reported_cost(head, {}) if is_success else None,
        answer=head if is_success else None,
    )


def _used_header_fields(response: httpx.Response, key_removal: KeyRemoval) -> dict[str, str]:
    """Return the headers that are used, in one pass. If a name occurs twice, the first counts."""
    found: dict[str, str] = {}
    for name, value in response.headers.raw:
        field = _FIELDS.get(name.lower())
        if field is not None and field not in found:
            # The key first: a cut through the middle of a key would hide it from the search.
            cleaned = key_removal.remove_key(value)[:_HEADER_CHARACTERS_MAX]
            found[field] = cleaned.decode("latin-1")
    return found


async def _read_whole_body(response: httpx.Response, bytes_max: int) -> bytes:
    """Return the body as it was sent. Closes the response in any case."""
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise TypeError("the transport gave a synchronous response")
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        async for piece in stream:
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > bytes_max:
                raise Unreadable(f"it is larger than {bytes_max:,} bytes")
    finally:
        await stream.aclose()
    return b"".join(pieces)


def _origin_shown(request: httpx.Request) -> str:
    note = request.extensions.get(ROUTE_NOTE, "")
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{note}"
