"""The effect of a fault on an answer: another body, or another delivery."""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from typing import TYPE_CHECKING

from aimlapi_simulator.http.errors import empty_response, page_response
from aimlapi_simulator.http.message import Response
from aimlapi_simulator.schema.hints import Complaint

if TYPE_CHECKING:
    from aimlapi_simulator.faults.kinds import Effect
    from aimlapi_simulator.faults.script import Fault
    from aimlapi_simulator.state import State

_BOMB_BYTES = 64 * 1024 * 1024
"""More than a client should unpack for one answer."""
_BLOCK_BYTES = 1024 * 1024


def replace_answer(
    effect: Effect, fault: Fault | None, state: State, *, path: str, request_id: str
) -> Response | None:
    """Return the response that replaces the real one, None if the fault keeps the real one."""
    # `answer`, `invalid-json` and `bomb` keep the real response. The caller changes its body.
    if effect.body == "envelope":
        details: tuple[Complaint, ...] = ()
        if effect.is_detailed:
            details = (Complaint("messages[0].content", "Expected: other. Received: this.", ""),)
        return state.error_response(
            status=effect.status,
            message=effect.message,
            path=path,
            request_id=request_id,
            details=details,
        )
    if effect.body == "html":
        return page_response(effect.status)
    if effect.body == "empty":
        return empty_response(effect.status, effect.location)
    if effect.body == "raw" and fault is not None:
        body = fault.body.encode("utf-8", "surrogatepass")
        return Response(status=fault.status, content_type=fault.content_type, body=body)
    return None


def apply_delivery(response: Response, effect: Effect, fault: Fault, *, accepts_gzip: bool) -> None:
    """Set the delivery of a response, and compress it if fault and client want that."""
    response.delivery = effect.delivery
    if effect.delivery == "drip":
        response.interval_s, response.drip_bytes = fault.drip_s, fault.drip_bytes
    if effect.is_gzipped and accepts_gzip and not response.events:
        response.body = _make_bomb() if effect.body == "bomb" else gzip.compress(response.body, 1)
        response.headers += "content-encoding: gzip\r\n"
    if effect.encoding:
        response.headers += f"content-encoding: {effect.encoding}\r\n"
    if fault.retry_after_s is not None:
        response.headers += f"retry-after: {fault.retry_after_s:g}\r\n"


@cache
def _make_bomb() -> bytes:
    """Return about 64 KB that unpack to 64 MB of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * _BLOCK_BYTES
    packed = [packer.compress(block) for _ in range(_BOMB_BYTES // _BLOCK_BYTES)]
    return b"".join(packed) + packer.flush()
