"""The routes of the simulator, and the check of the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimlapi_simulator.endpoints.account import Billing
from aimlapi_simulator.endpoints.batches import Batches
from aimlapi_simulator.endpoints.chat import Chat
from aimlapi_simulator.endpoints.control import PREFIX, Control
from aimlapi_simulator.endpoints.fault_answer import apply_delivery, replace_answer
from aimlapi_simulator.endpoints.models import Models
from aimlapi_simulator.faults.choice import effect_of
from aimlapi_simulator.faults.kinds import BAD_KEY
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.http.web_pages import REFUSAL, is_from_web_page
from aimlapi_simulator.ledger import Record

if TYPE_CHECKING:
    import asyncio

    from aimlapi_simulator.faults.script import Account, Fault
    from aimlapi_simulator.http.connection import Connection
    from aimlapi_simulator.state import State

_CHAT = "/v1/chat/completions"
_CANCEL = "/v1/batches/cancel/"

Routes = dict[tuple[str, str], Callable[[Request, str], Response]]


class App:
    """Answers the requests of all connections."""

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        self._chat = Chat(state, loop)
        self.control = Control(state, self._chat)
        account, models, batches = Billing(state), Models(state), Batches(state)
        # Chat completions are in neither table, because they may be answered later.
        self._public: Routes = {
            ("GET", "/v1/models"): models.list_models,
            ("GET", "/v1/models/deprecations"): models.list_deprecations,
            ("GET", "/docs-json"): models.answer_schema,
            ("GET", "/models/metrics"): models.answer_metrics,
        }
        self._private: Routes = {
            ("GET", "/v2/billing"): account.answer_balance,
            ("GET", "/v2/billing/transactions"): account.answer_transactions,
            ("GET", "/v1/key"): account.answer_key,
            ("GET", "/v2/logs"): account.answer_logs,
            ("POST", "/v1/batches"): batches.create_batch,
            ("GET", "/v1/batches"): batches.show_batch,
            ("POST", _CANCEL): batches.cancel_batch,
        }
        # The last account and header that were accepted. Comparing both saves parsing the header.
        self._last_accepted: tuple[Account | None, bytes] = (None, b"")
        self._paths = {path for _, path in (*self._public, *self._private)} | {_CHAT}

    def serve_request(self, request: Request, connection: Connection) -> None:
        """Serve one request."""
        path = request.path
        if is_from_web_page(
            origin=request.header_value(b"origin"), host=request.header_value(b"host")
        ):
            connection.send_response(json_response({"message": REFUSAL}, status=403))
        elif path == _CHAT and request.method == "POST" and self._has_valid_key(request):
            self._chat.answer_request(request, connection)
        elif path.startswith(PREFIX):
            connection.send_response(self.control.answer_control(request))
        else:
            self._answer_elsewhere(request, connection)

    def refuse_bytes(self, status: int, reason: str) -> Response:
        """Return the answer to bytes that are no request."""
        return self._error_response(status, reason, "/", f"req-{self._state.next_id()}")

    def _answer_elsewhere(self, request: Request, connection: Connection) -> None:
        """Answer any other endpoint than chat completions: no limits, no latency but a fault's own."""
        request_id = f"req-{self._state.next_id()}"
        fault = self._state.faults.pick_fault(
            self._state.script, path=request.path, prompt="", sha256=request.path
        )
        if fault is None:
            response = self._answer_by_route(request, request_id)
        else:
            response = self._spoil_answer(request, request_id, fault)
        # Recorded before the delay, because the request has taken effect by now.
        record = Record(
            at_s=self._state.clock.now_s(),
            method=request.method,
            path=request.path,
            status=0 if response.delivery == "drop" else response.status,
            request_id=request_id,
            fault=None if fault is None else fault.kind,
        )
        self._state.record_request(record)
        response.headers += f"x-request-id: {request_id}\r\n"
        delay_s = 0.0 if fault is None else effect_of(fault).extra_delay_s
        if delay_s > 0:
            self._loop.call_later(delay_s, connection.send_response, response)
        else:
            connection.send_response(response)

    def _spoil_answer(self, request: Request, request_id: str, fault: Fault) -> Response:
        """Return the answer that a fault makes.

        The request takes effect only if the fault's kind is billed.
        """
        effect = effect_of(fault)
        real = self._answer_by_route(request, request_id) if effect.is_billed else None
        response = replace_answer(
            effect, fault, self._state, path=request.path, request_id=request_id
        )
        response = response or real or Response(status=effect.status)
        if effect.body == "invalid-json":
            response.body = response.body[: len(response.body) * 2 // 3]
        if effect.status // 100 == 2 and response is real:  # noqa: PLR2004 - 201 replaces 200
            response.status = effect.status
        apply_delivery(
            response, effect, fault, accepts_gzip=b"gzip" in _accepted_encodings(request)
        )
        return response

    def _answer_by_route(self, request: Request, request_id: str) -> Response:
        # An unknown path is 404 and a wrong method 405, also without a key. The key is checked last.
        # A chat completion gets here only with a bad key.
        path = _CANCEL if request.path.startswith(_CANCEL) else request.path
        if path not in self._paths:
            message = f"Cannot {request.method} {request.path}"
            return self._error_response(404, message, request.path, request_id)
        route = self._public.get((request.method, path))
        if route is not None:
            return route(request, request_id)
        route = self._private.get((request.method, path))
        if route is None and not (path == _CHAT and request.method == "POST"):
            return self._wrong_method(request, path, request_id)
        if route is None or not self._has_valid_key(request):
            return self._error_response(401, BAD_KEY, request.path, request_id)
        return route(request, request_id)

    def _wrong_method(self, request: Request, path: str, request_id: str) -> Response:
        routes = (*self._public, *self._private, ("POST", _CHAT))
        methods = ", ".join(sorted({method for method, known in routes if known == path}))
        response = self._error_response(405, "Method Not Allowed", request.path, request_id)
        response.headers += f"allow: {methods}\r\n"
        if request.method == "HEAD":
            response.body = b""
        return response

    def _error_response(self, status: int, message: str, path: str, request_id: str) -> Response:
        return self._state.error_response(
            status=status, message=message, path=path, request_id=request_id
        )

    def _has_valid_key(self, request: Request) -> bool:
        """Return whether the key is good. Without a key in the script, any key is."""
        account = self._state.script.account
        sent = request.headers.get(b"authorization", b"")
        if account is self._last_accepted[0] and sent == self._last_accepted[1]:
            return True
        scheme, _, key = sent.partition(b" ")
        if scheme.lower() != b"bearer" or not key or account.is_key_disabled:
            return False
        is_welcome = not account.key or key == account.key.encode()
        if is_welcome:
            self._last_accepted = (account, sent)
        return is_welcome


def _accepted_encodings(request: Request) -> bytes:
    return request.headers.get(b"accept-encoding", b"")
