"""One chat completion on its way through the simulator, and its record."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import msgspec

from aimlapi_simulator.faults.kinds import PLAIN, Effect
from aimlapi_simulator.ledger import Record
from aimlapi_simulator.pricing import usd_of

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import Fault
    from aimlapi_simulator.http.message import Request, Response
    from aimlapi_simulator.model.completion import Completion
    from aimlapi_simulator.schema.chat_request import ChatRequest


class Responder(Protocol):
    """The receiver of the answer."""

    def send_response(self, response: Response) -> None:
        """Take the answer, exactly once."""


class Call(msgspec.Struct):
    """One call. The fields with defaults are set as it proceeds."""

    responder: Responder
    request: Request
    request_id: str
    inference_id: str
    client_request_id: str | None
    started_at_s: float
    chat: ChatRequest | None = None
    prompt_sha256: str | None = None
    fault: Fault | None = None
    effect: Effect = PLAIN
    completion: Completion | None = None


def record_of(call: Call, *, status: int, fault: str | None, now_s: float) -> Record:
    """Return the record of a call for the ledger."""
    request = call.request
    record = Record(
        at_s=now_s,
        method=request.method,
        path=request.path,
        status=status,
        request_id=call.request_id,
        inference_id=call.inference_id,
        client_request_id=call.client_request_id,
        prompt_sha256=call.prompt_sha256,
        body_sha256=sha256(request.body).hexdigest(),
        duration_s=now_s - call.started_at_s,
        fault=fault,
    )
    if call.chat is not None:
        record.model = call.chat.requested_model
        record.is_stream = call.chat.is_stream
    # A completion that a fault makes free of charge leaves no tokens either.
    completion = call.completion
    if completion is not None and call.effect.is_billed:
        record.prompt_tokens = completion.usage.prompt
        record.completion_tokens = completion.usage.completion
        record.credits = completion.credits
        record.usd = usd_of(completion.credits)
    return record
