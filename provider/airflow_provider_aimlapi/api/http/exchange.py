"""One exchange: a request out, an answer in, one deadline, limits on size. Never tries again.

Neither judges what the answer says nor logs. Its errors hold no reference to the request.
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
from airflow_provider_aimlapi.api.messages.completion_reading import cost_told
from airflow_provider_aimlapi.api.messages.damaged_json import utf8_of
from airflow_provider_aimlapi.api.messages.error_messages import with_words
from airflow_provider_aimlapi.api.messages.json_values import Unreadable
from airflow_provider_aimlapi.errors import ApiError, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval

ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""On the wire and decoded: several times the 128,000 tokens that a model may say, in the
costliest of JSON's escapes."""
STREAM_BYTES_MAX = 32 * 1024 * 1024
"""For server-sent events that were asked for: some 250 bytes for each of as many tokens."""
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
        transport: called directly; it keeps to EXCHANGE_TIMEOUT.
        request: sent as it is; a redirect is an answer like any other.
        timeout_s: most seconds from asking for a connection to the last byte in, however slowly
            the bytes drip.
        key_removal: takes the key out of all that the server says.
        is_streaming: whether the request asks for server-sent events, which may be longer than
            another answer.

    Raises:
        ApiUnavailable: no connection, a broken one, or the deadline passed.
        AccessRefused: the server's certificate does not hold, or a proxy lets nothing through.
        WireViolation: the answer is no HTTP, larger than a limit, or encoded in a way that was
            not asked for. It holds what the headers of a 2xx say.
    """
    failure: ApiError
    request.extensions[EXCHANGE_TIMEOUT] = timeout_s
    try:
        response = await transport.handle_async_request(request)
        return await _answer(response, key_removal, is_streaming=is_streaming)
    except httpx.ReadTimeout:
        failure = error_from_deadline(timeout_s, origin=_origin(request))
    except TRANSPORT_FAILURES as error:
        failure = error_from_failure(error, origin=_origin(request))
    # Raised out here, where no context ties it to an exception that holds the key.
    raise failure


async def _answer(
    response: httpx.Response, key_removal: KeyRemoval, *, is_streaming: bool
) -> Answer:
    fields = _fields(response, key_removal)
    encoding = fields.pop("content_encoding", "").strip().lower()
    content_type = fields.pop("content_type", "").partition(";")[0].strip().lower()
    is_long = is_streaming and content_type == EVENT_STREAM
    bytes_max = STREAM_BYTES_MAX if is_long else ANSWER_BYTES_MAX
    head = Answer(status=response.status_code, content_type=content_type, body=b"", **fields)
    failure: WireViolation
    try:
        raw = decode_content(await _read(response, bytes_max), encoding, bytes_max=bytes_max)
        body = utf8_of(raw)  # in another encoding the key would not be found
        is_frequent = head.is_success or head.status == TOO_MANY_REQUESTS  # and never kept, if 429
        clean = key_removal.clean if is_frequent else key_removal.clean_error
        return msgspec.structs.replace(head, body=clean(body))
    except Unreadable as error:
        failure = _refused(head, error)
    raise failure


def _refused(head: Answer, error: Unreadable) -> WireViolation:
    """The error for an answer whose body is not kept; what its headers say goes along."""
    is_success = head.is_success  # an error is billed nothing, whatever else it says
    reason = f"HTTP {head.status}, but the answer cannot be used: {error.reason}"
    return WireViolation(
        f"{reason}.",
        in_full=with_words(reason, error.said) + ".",
        status=head.status,
        request_id=head.request_id,
        is_perhaps_billed=True,
        cost_nano_usd=cost_told(head, {}) if is_success else None,
        head=head if is_success else None,
    )


def _fields(response: httpx.Response, key_removal: KeyRemoval) -> dict[str, str]:
    """The few headers that matter, in one pass; of several with one name, the first."""
    found: dict[str, str] = {}
    for name, value in response.headers.raw:
        field = _FIELDS.get(name.lower())
        if field is not None and field not in found:
            cleaned = key_removal.clean(value)[:_HEADER_CHARACTERS_MAX]
            found[field] = cleaned.decode("latin-1")
    return found


async def _read(response: httpx.Response, bytes_max: int) -> bytes:
    """The body as it came over the wire. Closes the response, however this ends."""
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


def _origin(request: httpx.Request) -> str:
    note = request.extensions.get(ROUTE_NOTE, "")
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{note}"
