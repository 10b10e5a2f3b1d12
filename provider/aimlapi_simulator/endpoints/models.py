"""The endpoints of the catalogue and of its latencies. They need no key."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from aimlapi_simulator.catalogue import BY_ID, MODELS, Model, spoken_by
from aimlapi_simulator.catalogue.deprecations import list_deprecations
from aimlapi_simulator.catalogue.quotations import PriceForm, pricing_of
from aimlapi_simulator.clock import iso_time
from aimlapi_simulator.faults.kinds import NO_ENDPOINTS
from aimlapi_simulator.http.message import Request, Response, json_response
from aimlapi_simulator.schema.bodies import schema_of

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import Gateway
    from aimlapi_simulator.ledger import Record
    from aimlapi_simulator.state import State

_TYPE = "openai/chat-completions"
_TAGS = ("playground:chat",)
_INPUTS = ("document", "image", "text")
_OUTPUTS = ("text",)
_CAPABILITIES = ("streaming", "structured_output", "tools", "vision")
_SECTIONS = ("pricing", "modalities", "capabilities")
_WINDOW_S = 300
_ALIASES_MAX = 100
_PERCENTILES = (50, 75, 90, 99)


class Models:
    """The endpoints that need no key."""

    def __init__(self, state: State) -> None:
        self._state = state

    def list_models(self, request: Request, _request_id: str) -> Response:
        """Answer `GET /v1/models`: filtered and expanded as the query says, with an ETag."""
        # A filter may be repeated, and may hold several values separated by commas.
        filters: dict[str, set[str]] = {}
        for name, value in request.query_parameters():
            filters.setdefault(name, set()).update(value.split(","))
        sections = filters.get("include", set())
        if "all" in sections or filters.get("details", set()) & {"true", "1"}:
            sections = set(_SECTIONS)
        script = self._state.script
        data = [
            _describe_model(model, names, sections, script.forms.prices)
            for model in MODELS
            if (names := _served_ids(model, script.gateway)) and _matches_filters(names, filters)
        ]
        body = msgspec.json.encode({"object": "list", "data": data})
        etag = f'W/"{sha256(body).hexdigest()[:32]}"'
        if etag in request.header_value(b"if-none-match"):
            return Response(status=304, content_type="", headers=f"etag: {etag}\r\n")
        return Response(headers=f"etag: {etag}\r\n", body=body)

    def list_deprecations(self, _request: Request, _request_id: str) -> Response:
        """Answer `GET /v1/models/deprecations`: the deprecated models, and their replacements."""
        data = list_deprecations(self._state.script.gateway.withdrawn)
        return json_response({"object": "list", "data": data})

    def answer_schema(self, request: Request, request_id: str) -> Response:
        """Answer `GET /docs-json?model=…`: the request schema of one id, in its dialect."""
        gateway = self._state.script.gateway
        name = dict(request.query_parameters()).get("model", "")
        spoken = spoken_by(name, is_older=gateway.documents == "older")
        if spoken is None:
            return self._state.error_response(
                status=404, message=NO_ENDPOINTS, path=request.path, request_id=request_id
            )
        content = {"application/json": {"schema": schema_of(spoken[1])}}
        post = {"requestBody": {"required": True, "content": content}}
        paths = {"/v1/chat/completions": {"post": post}}
        info = {"title": "AIML API", "version": "1.0.0"}
        return json_response({"openapi": "3.0.0", "info": info, "paths": paths})

    def answer_metrics(self, request: Request, request_id: str) -> Response:
        """Answer `GET /models/metrics`: percentiles of the last five minutes, by model."""
        # `aliases` is the only parameter. An alias selects its model, whatever name a call used.
        parameters = request.query_parameters()
        wanted = {value for name, value in parameters if name == "aliases"}
        if any(name != "aliases" for name, _ in parameters) or len(wanted) > _ALIASES_MAX:
            return self._state.error_response(
                status=400,
                message=f"only `aliases` is accepted, at most {_ALIASES_MAX} times",
                path=request.path,
                request_id=request_id,
            )
        now_s = self._state.clock.now_s()
        measured = self._recent_calls(now_s - _WINDOW_S)
        models = [
            {"alias": alias, "endpoint": "/v1/chat/completions", "metrics": _model_metrics(records)}
            for alias, records in sorted(measured.items())
            if not wanted or wanted & {alias, *BY_ID[alias].alias_ids}
        ]
        body = {"window_seconds": _WINDOW_S, "generated_at": iso_time(now_s), "models": models}
        return json_response(body)

    def _recent_calls(self, since_s: float) -> dict[str, list[Record]]:
        """Group the successful chat completions since then by canonical id."""
        found: dict[str, list[Record]] = {}
        for record in self._state.ledger.newest_first():
            if record.at_s < since_s:
                break
            if record.model in BY_ID and record.credits and record.custom_id is None:
                found.setdefault(BY_ID[record.model].model_id, []).append(record)
        return found


def _served_ids(model: Model, gateway: Gateway) -> list[str]:
    """Return the ids that a model answers to, those that are withdrawn left out."""
    return [name for name in (model.model_id, *model.alias_ids) if name not in gateway.withdrawn]


def _matches_filters(names: list[str], filters: dict[str, set[str]]) -> bool:
    offers = {
        "id": set(names),
        "type": {_TYPE},
        "tags": set(_TAGS),
        "modalities": {*_INPUTS, *_OUTPUTS},
        "input_modalities": set(_INPUTS),
        "output_modalities": set(_OUTPUTS),
        "capabilities": set(_CAPABILITIES),
    }
    return all(offer & filters[name] for name, offer in offers.items() if name in filters)


def _describe_model(
    model: Model, names: list[str], sections: set[str], form: PriceForm
) -> dict[str, Any]:
    # Withdrawn ids are left out, so that the first name that is left becomes the id.
    entry: dict[str, Any] = {
        "id": names[0],
        "aliases": names[1:],
        "type": _TYPE,
        "info": {
            "name": model.name,
            "developer": "Anthropic",
            "description": f"{model.name}, simulated.",
            "contextLength": model.context_tokens,
            "outputMax": model.output_tokens_max,
            "url": "",
        },
        "tags": list(_TAGS),
    }
    if "pricing" in sections:
        entry["pricing"] = pricing_of(model, form)
    if "modalities" in sections:
        entry["modalities"] = {"input": list(_INPUTS), "output": list(_OUTPUTS)}
    if "capabilities" in sections:
        entry["capabilities"] = list(_CAPABILITIES)
    return entry


def _model_metrics(records: list[Record]) -> dict[str, Any]:
    durations_ms = [record.duration_s * 1000 for record in records]
    metrics = {"duration_ms": _compute_percentiles(durations_ms)}
    speeds = [r.completion_tokens / r.duration_s for r in records if r.duration_s > 0]
    if speeds:
        metrics["tps"] = _compute_percentiles(speeds)
    streamed_ms = [record.duration_s * 1000 for record in records if record.is_stream]
    if streamed_ms:  # the simulator's latency is the time to the first token
        metrics["ttft_ms"] = _compute_percentiles(streamed_ms)
    return metrics


def _compute_percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {f"p{p}": round(ordered[round(last * p / 100)], 3) for p in _PERCENTILES}
