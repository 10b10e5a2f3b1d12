"""The three endpoints of batches. `model.batch` computes how a batch proceeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.faults.kinds import KEY_LIMIT_REACHED, NO_CREDIT
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.http.query import last_value
from aimlapi_simulator.model.batch import Batch
from aimlapi_simulator.schema.batch_body import parse_batch
from aimlapi_simulator.schema.refusal import InvalidBody

if TYPE_CHECKING:
    from aimlapi_simulator.state import State

JSON_LINES = "application/x-ndjson"


class Batches:
    """Creates, shows and cancels batches."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create_batch(self, request: Request, request_id: str) -> Response:
        """Answer `POST /v1/batches`."""
        state = self._state
        # Batches that have ended are charged first, because the balance decides.
        state.settle_batches()
        if state.credits_left() <= 0:
            return self._error_response(403, NO_CREDIT, request, request_id)
        if state.is_key_spent():
            return self._error_response(403, KEY_LIMIT_REACHED, request, request_id)
        try:
            requests = parse_batch(request.body)
        except InvalidBody as error:
            return state.refusal_response(error, path=request.path, request_id=request_id)
        batch = Batch(
            batch_id=f"msgbatch_{state.next_id()}",
            created_at_s=state.clock.now_s(),
            plan=state.script.batches,
            seed=state.script.seed,
            requests=requests,
        )
        state.batches[batch.batch_id] = batch
        return json_response(batch.describe_batch(batch.created_at_s))

    def show_batch(self, request: Request, request_id: str) -> Response:
        """Answer `GET /v1/batches?batch_id=…`: the state of a running batch, or the results."""
        state = self._state
        state.settle_batches()
        batch = state.batches.get(last_value(request.query_parameters(), "batch_id") or "")
        if batch is None:
            return self._error_response(404, "Batch not found", request, request_id)
        # Both answers have two forms, because the API's documents disagree on them.
        now_s, forms = state.clock.now_s(), state.script.forms
        if not batch.has_ended(now_s):
            if self._pick_form(forms.batch_running, ("status", "batch"), batch) == "status":
                return json_response({"id": batch.batch_id, "status": "generating"})
            return json_response(batch.describe_batch(now_s))
        results = batch.shuffled_results(now_s)
        if self._pick_form(forms.batch_results, ("lines", "array"), batch) == "array":
            return json_response(results)
        lines = b"".join(msgspec.json.encode(result) + b"\n" for result in results)
        return Response(content_type=JSON_LINES, body=lines)

    def cancel_batch(self, request: Request, request_id: str) -> Response:
        """Answer `POST /v1/batches/cancel/{batch_id}`: 400 if it has ended already."""
        state = self._state
        state.settle_batches()
        batch = state.batches.get(request.path.rpartition("/")[2])
        if batch is None:
            return self._error_response(404, "Batch not found", request, request_id)
        now_s = state.clock.now_s()
        if not batch.cancel_at(now_s):
            message = f"Batch {batch.batch_id} cannot be canceled: it has already ended."
            return self._error_response(400, message, request, request_id)
        # The batch object, or the object of the published schema.
        form = state.script.forms.batch_canceled
        if self._pick_form(form, ("batch", "status"), batch) == "batch":
            return json_response(batch.describe_batch(now_s))
        return json_response(
            {"id": batch.batch_id, "status": "cancelled", "output": None, "usage": []}
        )

    def _pick_form(self, form: str, options: tuple[str, ...], batch: Batch) -> str:
        if form != "seeded":
            return form
        return self._state.pick_for_id(options, "-".join(options), batch.batch_id)

    def _error_response(
        self, status: int, message: str, request: Request, request_id: str
    ) -> Response:
        return self._state.error_response(
            status=status, message=message, path=request.path, request_id=request_id
        )
