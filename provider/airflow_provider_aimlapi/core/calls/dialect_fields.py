"""Writes a user's parameters in the fields of a dialect. Translates only if the meaning stays the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.dialect import DIALECTS, Dialect, Model
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json

Fields = dict[str, "Json"]

SAMPLING = frozenset({"temperature", "top_p", "top_k"})
_TOOL_KEYS = frozenset({"type", "name", "description", "input_schema"})
_CHOICES: dict[str, Json] = {"auto": "auto", "any": "required", "none": "none"}


def fields_in(model_id: str, model: Model, name: str, value: Json) -> Fields:
    """Return the top-level fields of a body that mean the same as the parameter.

    Raises:
        InvalidSpec: the model's dialect has no such field. The text names ids that have it.
    """
    written = _fields_of_parameter(name, value, model.dialect)
    if written is not None:
        return written
    able = [
        other.example for other in DIALECTS if _fields_of_parameter(name, value, other) is not None
    ]
    advice = f"use a model that takes it, such as {' or '.join(able[:3])}" if able else "change it"
    spoken = (
        "" if model.is_listed else f" (assumed from its spelling: dialect '{model.dialect.name}')"
    )
    raise InvalidSpec(
        f"{model_id}{spoken} does not take {_shown_parameter(name, value)}. Leave it out, or {advice}."
    )


def is_forced(tool_choice: Json) -> bool:
    """Return whether the choice forces the model to call a tool."""
    kind = tool_choice.get("type") if isinstance(tool_choice, Mapping) else tool_choice
    return kind in ("any", "tool", "required", "function")


def _shown_parameter(name: str, value: Json) -> str:
    """Return the parameter for an error's text, with its value if that is short."""
    return f"{name}={value!r}" if name in ("thinking", "tool_choice") else name


def _fields_of_parameter(name: str, value: Json, dialect: Dialect) -> Fields | None:
    """Return the fields; None if the dialect has none with the same meaning."""
    if name == "thinking" and isinstance(value, Mapping):
        return _thinking_fields(value, dialect)
    if name == "tools" and isinstance(value, Sequence):
        return _tool_fields(value, dialect)
    if name == "tool_choice":
        return _tool_choice(value, dialect)
    if name == "stop_sequences":
        return {dialect.stop: value}
    is_lacking = (name in SAMPLING and dialect.temperature_max is None) or (
        name == "metadata" and not dialect.has_metadata
    )
    return None if is_lacking else {name: value}


def _thinking_fields(thinking: Mapping[str, Json], dialect: Dialect) -> Fields | None:
    kind, effort = thinking.get("type"), thinking.get("effort")
    if kind == "disabled" and kind not in dialect.thinking:
        effort = "none"
    if effort is not None:
        return {"reasoning_effort": effort} if effort in dialect.efforts else None
    if kind in dialect.thinking:
        return {"thinking": thinking}
    if kind == "enabled" and dialect.has_reasoning_budget:
        return {"reasoning": {"max_tokens": thinking["budget_tokens"]}}
    return None


def _tool_fields(tools: Sequence[Json], dialect: Dialect) -> Fields | None:
    if dialect.has_anthropic_tools:
        return {"tools": tools}
    written = [_as_function(tool) for tool in tools]
    return None if None in written else {"tools": written}


def _as_function(tool: Json) -> Json:
    """Return a tool in OpenAI's form; None if that form cannot express all of it."""
    if not isinstance(tool, Mapping):
        return None
    if tool.get("type") == "function":
        return tool
    if (
        not {"name", "input_schema"} <= tool.keys() <= _TOOL_KEYS
        or tool.get("type", "custom") != "custom"
    ):
        return None
    about = {key: tool[key] for key in ("name", "description") if key in tool}
    return {"type": "function", "function": {**about, "parameters": tool["input_schema"]}}


def _tool_choice(choice: Json, dialect: Dialect) -> Fields | None:
    if is_forced(choice) and not dialect.has_forced_tool:
        return None
    if isinstance(choice, Mapping) and not dialect.has_anthropic_tools:
        choice = _as_function_choice(choice)
    return None if choice is None else {"tool_choice": choice}


def _as_function_choice(choice: Mapping[str, Json]) -> Json:
    """Return a choice in OpenAI's form; None if that form cannot express all of it."""
    kind = choice.get("type")
    if kind == "function":
        return choice
    if kind == "tool" and choice.keys() == {"type", "name"}:
        return {"type": "function", "function": {"name": choice["name"]}}
    return _CHOICES.get(kind) if choice.keys() == {"type"} and isinstance(kind, str) else None
