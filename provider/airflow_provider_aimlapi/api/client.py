"""Sends one request body to the chat completions, once. No retries, no logging, no JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.exchange import exchange
from airflow_provider_aimlapi.api.http.request_body import WHOLE_BYTES_MAX, PiecewiseBody
from airflow_provider_aimlapi.api.http.request_headers import headers_for
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

COMPLETIONS_PATH = "/v1/chat/completions"
_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")


class CompletionClient:
    """The chat completions of one endpoint, with one key, over one transport.

    Use it as an asynchronous context manager: it closes the transport when it ends.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        transport: httpx.AsyncBaseTransport,
        request_timeout_s: float,
        is_streaming: bool = False,
    ) -> None:
        """Prepare what is the same for all calls.

        Args:
            endpoint: the address of the calls, and the key.
            transport: usually from `open_transport`.
            request_timeout_s: the most seconds for one call, from the first byte sent to the last
                byte received.
            is_streaming: whether the requests ask for server-sent events.
        """
        self._key_removal = KeyRemoval(endpoint.key)
        self._transport = transport
        self._request_timeout_s = request_timeout_s
        self._is_streaming = is_streaming
        self._url = httpx.URL(endpoint.url_of_path(COMPLETIONS_PATH))
        self._headers = [
            (b"Host", self._url.netloc),
            *headers_for(endpoint),
            (b"Content-Type", b"application/json"),
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        """Send a body with POST and read the answer, whatever its status.

        Args:
            body: the JSON of a completion request, from `api.messages.wire.RequestEncoder`.
            client_request_id: 1 to 128 of `A-Z a-z 0-9 . _ : -`. The API keeps it and shows it
                in its logs. A second call with the same id is charged again.

        Raises:
            InvalidSpec: the API would drop the id without an error. Nothing was sent.
            ApiUnavailable, AccessRefused, WireViolation: as `api.http.exchange.exchange`.
        """
        if not _CLIENT_REQUEST_ID.match(client_request_id):
            raise InvalidSpec(
                "A client request id takes 1 to 128 of the characters A-Z a-z 0-9 . _ : -, "
                f"not {client_request_id[:140]!r}."
            )
        return await exchange(
            self._transport,
            self._make_http_request(body, client_request_id.encode()),
            timeout_s=self._request_timeout_s,
            key_removal=self._key_removal,
            is_streaming=self._is_streaming,
        )

    def _make_http_request(self, body: bytes, client_request_id: bytes) -> httpx.Request:
        headers = [
            *self._headers,
            (b"X-Client-Request-Id", client_request_id),
            (b"Content-Length", b"%d" % len(body)),
        ]
        # With `content=` httpx would build all headers twice, which costs three times the rest.
        if len(body) > WHOLE_BYTES_MAX:
            return httpx.Request("POST", self._url, headers=headers, stream=PiecewiseBody(body))
        stream = httpx.ByteStream(body)
        return httpx.Request("POST", self._url, headers=headers, stream=stream)
