"""The types of the hook's arguments for one call, which its overloads share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aimlapi.core.calls.json_types import JsonObject


class CallArguments(TypedDict, total=False):
    """The arguments of `AIMLAPIHook.complete` besides the prompt and the schema."""

    system: str | None
    examples: Sequence[tuple[str, str | JsonObject]]
    model: str
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    stop_sequences: Sequence[str] | None
    thinking: JsonObject | None
    tools: Sequence[JsonObject] | None
    tool_choice: JsonObject | None
    metadata: Mapping[str, str] | None
    stream: bool
    repairs: int
    request_timeout_s: float
    max_attempts: int
    check_arrival: bool
