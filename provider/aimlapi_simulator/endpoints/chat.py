"""Chat completions: admission, delay and charge of each call."""

from __future__ import annotations

import re
from collections import deque
from hashlib import sha256
from typing import TYPE_CHECKING

from aimlapi_simulator.endpoints.call import Call, Responder, record_of
from aimlapi_simulator.endpoints.chat_answer import render_answer
from aimlapi_simulator.faults.choice import effect_of
from aimlapi_simulator.faults.kinds import KEY_LIMIT_REACHED, NO_CREDIT, TOO_MANY_REQUESTS
from aimlapi_simulator.model.completion import compose_answer
from aimlapi_simulator.model.prompt_cache import NOTHING, check_marks
from aimlapi_simulator.schema.chat_request import ChatRequest, parse_chat
from aimlapi_simulator.schema.refusal import InvalidBody

if TYPE_CHECKING:
    import asyncio

    from aimlapi_simulator.http.message import Request, Response
    from aimlapi_simulator.limits import Gate, Gates
    from aimlapi_simulator.state import State

_CLIENT_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_QUEUE_MAX = 100_000
"""Bounds the memory of waiting calls."""


class Chat:
    """Answers calls whose key is good. Every call ends in `_refuse_call` or `_finish_call`."""

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        # Calls that wait for a slot, if the script queues them.
        self._waiting: deque[tuple[Call, ChatRequest, Gate]] = deque()

    def answer_request(self, request: Request, responder: Responder) -> None:
        """Answer a request, now or later."""
        # The order of the API: the body is checked first, then the money, then the limits.
        call = self._receive_call(request, responder)
        try:
            chat = call.chat = parse_chat(request.body, self._state.script.gateway)
            check_marks(chat.marks, self._state.script.cache)
        except InvalidBody as error:
            self._refuse_body(call, error)
            return
        refusal = self._money_refusal()
        if refusal is not None:
            self._refuse_call(call, 403, refusal)
            return
        prompt = chat.prompt.encode("utf-8", "surrogatepass")
        call.prompt_sha256 = sha256(prompt).hexdigest()
        self._admit_call(call, chat)

    def abandon_waiting(self) -> None:
        """Abandon the calls that wait for a slot, after a reset."""
        while self._waiting:
            self._abandon_call(self._waiting.popleft()[0])

    def _abandon_call(self, call: Call) -> None:
        """Answer a call that began before a reset. It is not recorded."""
        response = self._state.error_response(
            status=503,
            message="The simulator was reset.",
            path=call.request.path,
            request_id=call.request_id,
        )
        self._send_response(call, response)

    def _receive_call(self, request: Request, responder: Responder) -> Call:
        number = self._state.next_id()
        sent_id = request.headers.get(b"x-client-request-id", b"")
        # A malformed id is ignored, as by the API. The call runs and is charged.
        is_good = _CLIENT_ID.fullmatch(sent_id) is not None
        return Call(
            responder,
            request,
            f"req-{number}",
            f"inf-{number}",
            sent_id.decode("ascii") if is_good else None,
            self._state.clock.now_s(),
        )

    def _money_refusal(self) -> str | None:
        if self._state.credits_left() <= 0:
            return NO_CREDIT
        return KEY_LIMIT_REACHED if self._state.is_key_spent() else None

    def _admit_call(self, call: Call, chat: ChatRequest) -> None:
        """Check the limits, choose a fault, and start the call or let it wait."""
        # 1. No slot is free, and the script does not queue: 429.
        # 2. A limit per time is reached: 429.
        # 3. A fault refuses without delay: answer now, without a slot.
        # 4. No slot is free: wait for one.
        # 5. Otherwise the call takes a slot.
        script = self._state.script
        limits = script.limits
        gate = self._state.gates.choose_upstream(limits, self._state.random)
        is_full = gate.is_full(limits)
        if is_full and not (limits.is_queueing and len(self._waiting) < _QUEUE_MAX):
            self._throttle_call(call, "concurrency")
            return
        limit = gate.admit_call(limits, call.started_at_s, chat.prompt_tokens)
        if limit is not None:
            self._throttle_call(call, limit)
            return
        if script.faults:
            self._pick_fault(call, chat)
        if call.effect.is_at_once and not call.effect.extra_delay_s:
            self._finish_call(call, gate)
        elif is_full:
            self._waiting.append((call, chat, gate))
        else:
            self._start_call(call, chat, gate)

    def _pick_fault(self, call: Call, chat: ChatRequest) -> None:
        script = self._state.script
        assert call.prompt_sha256 is not None  # noqa: S101 - for the type checker
        call.fault = self._state.faults.pick_fault(
            script, path=call.request.path, prompt=chat.prompt, sha256=call.prompt_sha256
        )
        if call.fault is not None:
            call.effect = effect_of(call.fault)

    def _start_call(self, call: Call, chat: ChatRequest, gate: Gate) -> None:
        """Take a slot, and return it when the latency is over."""
        # The prompt cache is read when the call starts, so that the answer is composed now.
        state, gates = self._state, self._state.gates
        gates.take_slot(gate)
        delay_s = call.effect.extra_delay_s
        if not call.effect.is_at_once:
            delay_s += state.latency_s()
        cached = NOTHING
        if chat.marks and call.effect.is_billed:
            now_s = state.clock.now_s()
            cached = state.prompt_cache.use_cache(
                chat, state.script, now_s, begins_s=now_s + delay_s
            )
        call.completion = compose_answer(
            chat,
            call.effect.twist,
            completion_id=call.inference_id,
            now_s=call.started_at_s,
            cached=cached,
            text_form=state.script.forms.text,
        )
        if delay_s > 0:
            self._loop.call_later(delay_s, self._leave_slot, call, gates, gate)
        else:
            self._leave_slot(call, gates, gate)

    def _leave_slot(self, call: Call, gates: Gates, gate: Gate) -> None:
        # A reset has made new gates. The call's slot does not exist there.
        if gates is not self._state.gates:
            self._abandon_call(call)
            return
        gates.return_slot(gate)
        self._finish_call(call, gate)
        while self._waiting and not gate.is_full(self._state.script.limits):
            self._start_call(*self._waiting.popleft())

    def _finish_call(self, call: Call, gate: Gate) -> None:
        """Charge, then answer. A generated answer is charged, also if the client has left."""
        response = render_answer(call, self._state)
        status = 0 if response.delivery == "drop" else response.status
        now_s = self._state.clock.now_s()
        fault = call.fault
        record = record_of(
            call, status=status, fault=fault.kind if fault is not None else None, now_s=now_s
        )
        gate.count_tokens(now_s, record.completion_tokens)
        self._state.record_request(record)
        self._send_response(call, response)

    def _refuse_body(self, call: Call, error: InvalidBody) -> None:
        state, path = self._state, call.request.path
        response = state.refusal_response(error, path=path, request_id=call.request_id)
        now_s = state.clock.now_s()
        state.record_request(record_of(call, status=error.status, fault=None, now_s=now_s))
        self._send_response(call, response)

    def _throttle_call(self, call: Call, limit: str) -> None:
        self._refuse_call(call, 429, TOO_MANY_REQUESTS, limit=limit)

    def _refuse_call(
        self, call: Call, status: int, message: str, *, limit: str | None = None
    ) -> None:
        state = self._state
        response = state.error_response(
            status=status, message=message, path=call.request.path, request_id=call.request_id
        )
        fault = None if limit is None else f"limit:{limit}"
        state.record_request(record_of(call, status=status, fault=fault, now_s=state.clock.now_s()))
        retry_after_s = state.script.limits.retry_after_s
        if limit is not None and retry_after_s is not None:
            response.headers += f"retry-after: {retry_after_s:g}\r\n"
        self._send_response(call, response)

    def _send_response(self, call: Call, response: Response) -> None:
        """Add the headers that every answer has, and send it."""
        headers = f"x-request-id: {call.request_id}\r\nx-inference-id: {call.inference_id}\r\n"
        if call.client_request_id is not None:
            headers += f"x-client-request-id: {call.client_request_id}\r\n"
        response.headers += headers
        call.responder.send_response(response)
