"""A model and the parameters that a user set, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL, model_of
from airflow_provider_aimlapi.core.calls.dialect_fields import fields_in, is_forced
from airflow_provider_aimlapi.core.texts.number_range import check_number, check_whole_number
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject

THINKING_TOKENS_MIN = 1024
_THINKING_KEYS = {
    "enabled": {"type", "budget_tokens"},
    "disabled": {"type"},
    "adaptive": {"type"},
}
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSpec:
    """A model and its parameters, the same for all rows. None means: not sent.

    The names are the same for all models. `parameters` writes them in the model's dialect.

    Attributes:
        model: the API's model id, such as "anthropic/claude-sonnet-4-6-20260218".
        max_tokens: the most tokens of an answer, thinking included.
        temperature: 0 to 1; up to 2 in the superset dialect.
        top_p: 0 to 1.
        top_k: 0 or more.
        stop_sequences: texts that end an answer.
        thinking: {"type": "enabled", "budget_tokens": n} with 1024 <= n < max_tokens,
            {"type": "disabled"}, {"type": "adaptive"}, or {"effort": "low"}.
        tools, tool_choice, metadata: as in the API's schema.
        stream: whether to request server-sent events.

    Raises:
        InvalidSpec: at construction. The text names the parameter and the fix.
    """

    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    thinking: JsonObject | None = None
    tools: tuple[JsonObject, ...] | None = None
    tool_choice: JsonObject | None = None
    metadata: Mapping[str, str] | None = None
    stream: bool = False

    def __post_init__(self) -> None:
        _check_model(self.model)
        _check_ranges(self)
        _check_lists(self)
        if self.thinking is not None:
            _check_thinking(self)
        self.parameters()

    def parameters(self) -> dict[str, Json]:
        """Return the body's top-level fields that the user set, without messages and system.

        Raises:
            InvalidSpec: the model's dialect lacks one of them.
        """
        model = model_of(self.model)
        sent: dict[str, Json] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value is not False:
                sent |= fields_in(self.model, model, field.name, value)
        return sent


def with_raised_limit(spec: CompletionSpec) -> CompletionSpec | None:
    """Return the same with twice `max_tokens`, up to the model's maximum; None if it has that already."""
    if spec.max_tokens is None:
        return None
    longest = model_of(spec.model).answer_tokens_max or 2 * spec.max_tokens
    doubled = min(2 * spec.max_tokens, longest)
    return replace(spec, max_tokens=doubled) if doubled > spec.max_tokens else None


def _check_model(model: str) -> None:
    if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
        raise InvalidSpec(f"model={model!r} is not a model id. An example: {DEFAULT_MODEL!r}.")


def _check_ranges(spec: CompletionSpec) -> None:
    model = model_of(spec.model)
    if spec.max_tokens is not None:
        check_whole_number("max_tokens", spec.max_tokens, least=1)
    if spec.temperature is not None:
        hottest = model.dialect.temperature_max or 2
        check_number("temperature", spec.temperature, least=0, most=hottest)
    if spec.top_p is not None:
        check_number("top_p", spec.top_p, least=0, most=1)
    if spec.top_k is not None:
        check_whole_number("top_k", spec.top_k, least=0)
    longest = model.answer_tokens_max
    if longest is not None and (spec.max_tokens or 0) > longest:
        raise InvalidSpec(
            f"max_tokens={spec.max_tokens}: an answer of {spec.model} has at most {longest:,} tokens. "
            f"Lower max_tokens."
        )


def _check_lists(spec: CompletionSpec) -> None:
    stops: object = spec.stop_sequences
    are_texts = isinstance(stops, (tuple, list)) and all(isinstance(s, str) and s for s in stops)
    if stops is not None and not are_texts:
        raise InvalidSpec("stop_sequences must be a list of texts, none of them empty.")
    metadata: object = spec.metadata
    if metadata is not None and not (
        isinstance(metadata, Mapping)
        and all(isinstance(part, str) for pair in metadata.items() for part in pair)
    ):
        raise InvalidSpec("metadata must map texts to texts.")
    for name in ("thinking", "tools", "tool_choice"):
        if not is_json(getattr(spec, name)):
            raise InvalidSpec(
                f"{name} holds a value that JSON cannot express, such as NaN or a date."
            )


def is_json(value: object) -> bool:
    """Return whether JSON can express a value."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(part) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        return all(is_json(part) for part in value)
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, (str, int))


def _check_thinking(spec: CompletionSpec) -> None:
    thinking: object = spec.thinking
    fields_set: Mapping[str, Json] = thinking if isinstance(thinking, Mapping) else {}
    kind = fields_set.get("type")
    if fields_set.keys() != _THINKING_KEYS.get(kind if isinstance(kind, str) else "", {"effort"}):
        raise InvalidSpec(
            f"thinking={thinking!r}: give one of "
            f'{{"type": "enabled", "budget_tokens": 2048}}, {{"type": "disabled"}}, '
            f'{{"type": "adaptive"}} and {{"effort": "low"}}.'
        )
    if kind == "enabled":
        _check_budget(fields_set["budget_tokens"], spec.max_tokens)
    is_off = kind == "disabled" or fields_set.get("effort") == "none"
    if not is_off and spec.tool_choice is not None and is_forced(spec.tool_choice):
        raise InvalidSpec(
            'thinking: tool_choice forces a tool, which excludes it. Give {"type": "disabled"}.'
        )


def _check_budget(budget: Json, max_tokens: int | None) -> None:
    check_whole_number("thinking: budget_tokens", budget, least=THINKING_TOKENS_MIN)
    if max_tokens is not None and isinstance(budget, int) and budget >= max_tokens:
        raise InvalidSpec(
            f"thinking: budget_tokens={budget} must be below max_tokens={max_tokens}. "
            f"Raise max_tokens, which counts thinking too."
        )
