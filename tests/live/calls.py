"""The requests of `make live`: what a run or the hook would send, one or more for each dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

PROMPT, SYSTEM = "Name a colour. One word is enough.", "You are terse."
DATED, DOTTED = "anthropic/claude-sonnet-4-6-20260218", "anthropic/claude-sonnet-4.6"
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
}
FORCED: dict[str, Any] = {
    "tools": ({"name": "record", "input_schema": SCHEMA},),
    "tool_choice": {"type": "tool", "name": "record"},
}
OFF = {"type": "disabled"}


@dataclass(frozen=True, kw_only=True)
class LiveCall:
    """One request, and the parameters that it tries."""

    model: str
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        """For the test's report."""
        return f"{self.model} {' '.join(self.parameters) or 'plain'}"

    @property
    def body(self) -> bytes:
        """As the engine writes it."""
        spec = CompletionSpec(model=self.model, **{"max_tokens": 64} | self.parameters)
        return RequestEncoder(spec).encode_request(message_of(PROMPT, SYSTEM))


_TRIED: list[tuple[str, dict[str, Any]]] = [
    (DATED, {}),
    (DATED, {"stream": True}),
    (DATED, {"temperature": 0.5, "top_k": 40, "stop_sequences": ("END",)}),
    (DATED, {"top_p": 0.9, "metadata": {"user_id": "live"}, "thinking": OFF}),
    (DATED, FORCED),
    (DOTTED, {}),
    (DOTTED, {"stream": True}),
    (DOTTED, {"temperature": 0.5, "top_k": 40, "stop_sequences": ("END",)}),
    (DOTTED, {"thinking": OFF, "top_p": 0.9}),
    (DOTTED, FORCED),
    ("anthropic/claude-haiku-4-5", {"temperature": 0, "thinking": OFF}),
    ("anthropic/claude-opus-4.8", {"thinking": OFF, "stop_sequences": ("END",)}),
    ("anthropic/claude-sonnet-5", {"thinking": OFF, "stop_sequences": ("END",)}),
    ("anthropic/claude-sonnet-5-5", {"thinking": OFF, "stop_sequences": ("END",)}),
]
CALLS = tuple(LiveCall(model=model, parameters=tried) for model, tried in _TRIED)
MODELS = tuple(dict.fromkeys(call.model for call in CALLS))


def most_nano_usd(prices: Mapping[str, TokenPrices]) -> int:
    """Return the most that the calls to the models with a price can cost."""
    total = 0
    for call in CALLS:
        if call.model in prices:
            price = prices[call.model].call_price(call.model, 64)
            assert price is not None
            total += price.most_nano_usd(calls=1, body_bytes=len(call.body))
    return total
