"""The endpoints under `/_simulator`: script, ledger, stats, clock and reset.

They need no key, are not recorded, and do not exist in the real API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aimlapi_simulator.faults.script import ScriptError, amend_script, parse_script
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.pricing import usd_of

if TYPE_CHECKING:
    from aimlapi_simulator.endpoints.chat import Chat
    from aimlapi_simulator.state import State

PREFIX = "/_simulator/"


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: float


class Control:
    """Shows and changes the state of a running simulator."""

    def __init__(self, state: State, chat: Chat) -> None:
        self._state = state
        self._chat = chat
        self._routes = {
            ("GET", "script"): self._show_script,
            ("PUT", "script"): self._replace_script,
            ("POST", "script"): self._amend_script,
            ("GET", "ledger"): self._show_ledger,
            ("GET", "stats"): self._show_stats,
            ("POST", "clock"): self._advance_clock,
            ("POST", "reset"): self._reset_state,
        }

    def answer_control(self, request: Request) -> Response:
        """Answer one request. An unknown path or method is 404, with the list of endpoints."""
        route = self._routes.get((request.method, request.path.removeprefix(PREFIX)))
        if route is None:
            known = [f"{method} {PREFIX}{name}" for method, name in self._routes]
            return json_response({"message": "no such endpoint", "endpoints": known}, status=404)
        try:
            return route(request)
        except (ScriptError, msgspec.MsgspecError, ValueError) as error:
            return json_response({"message": str(error)}, status=400)

    def _show_script(self, _request: Request) -> Response:
        return json_response(self._state.script)

    def _replace_script(self, request: Request) -> Response:
        self._state.change_script(parse_script(request.body))
        return json_response(self._state.script)

    def _amend_script(self, request: Request) -> Response:
        self._state.change_script(amend_script(self._state.script, request.body))
        return json_response(self._state.script)

    def _show_ledger(self, request: Request) -> Response:
        """Return the requests. `?offset=n` skips the first n, to continue after an earlier read."""
        offset = int(dict(request.query_parameters()).get("offset", "0"))
        self._state.settle_batches()
        requests = self._state.ledger.requests
        shown = requests[offset:]
        body = {
            "billed": [record for record in shown if record.credits],
            "requests": shown,
            "total_requests": len(requests),
            "total_credits": self._state.ledger.total_credits,
            "total_usd": self._state.ledger.total_usd,
        }
        return json_response(body)

    def _show_stats(self, _request: Request) -> Response:
        return json_response(self.count_requests())

    def count_requests(self) -> dict[str, Any]:
        """Return counts and sums since the last reset."""
        state = self._state
        state.settle_batches()
        ledger, gates = state.ledger, state.gates
        # A prompt billed three times counts once as a prompt, and twice as a repeated call.
        twice = ledger.billed_twice()
        return {
            "requests": sum(ledger.statuses.values()),
            "statuses": {str(status): n for status, n in sorted(ledger.statuses.items())},
            "billed_calls": ledger.billed_calls,
            "total_credits": ledger.total_credits,
            "total_usd": ledger.total_usd,
            "balance_usd": usd_of(state.credits_left()),
            "prompts_billed_twice": len(twice),
            "calls_billed_again": sum(twice.values()) - len(twice),
            "in_flight": gates.in_flight,
            "in_flight_peak": gates.peak,
        }

    def _advance_clock(self, request: Request) -> Response:
        """Move the clock forward. The body is `{"advance_s": seconds}`."""
        self._state.clock.move_forward(msgspec.json.decode(request.body, type=_Step).advance_s)
        return json_response({"now_s": self._state.clock.now_s()})

    def _reset_state(self, _request: Request) -> Response:
        """Forget everything, and return to the script of the start."""
        self._state.reset_state(self._state.first_script)
        self._chat.abandon_waiting()
        return self._show_stats(_request)
