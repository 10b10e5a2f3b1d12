"""What to ask of which model: the parameters that a user set, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite

from airflow_provider_aimlapi.errors import InvalidSpec

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = Mapping[str, Json]

DEFAULT_MODEL = "anthropic/claude-sonnet-4-6-20260218"
THINKING_TOKENS_MIN = 1024
SAMPLING_PARAMETERS = ("temperature", "top_p", "top_k")
SAMPLING_MODELS = frozenset({DEFAULT_MODEL, "anthropic/claude-sonnet-4.6"})
"""Models whose published schema has temperature, top_p and top_k, and only enabled thinking."""
NEWER_MODELS = re.compile(r"anthropic/claude-(\w+-latest|(sonnet|opus|fable)-5)")
"""Models whose published schema has none of the sampling parameters."""
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSpec:
    """A model and its parameters, the same for all rows. None means: not sent.

    Attributes:
        model: the API's model id, such as "anthropic/claude-sonnet-4-6-20260218".
        max_tokens: most tokens in an answer, thinking included.
        temperature, top_p: 0 to 1. top_k: 0 or more.
        stop_sequences: texts that end an answer.
        thinking: {"type": "enabled", "budget_tokens": n}, 1024 <= n < max_tokens; newer models
            also know "disabled" and "adaptive".
        tools, tool_choice, metadata: as in the API's schema.
        stream: ask for server-sent events.

    Raises:
        InvalidSpec: at construction, naming the parameter and the fix.
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
        _check_known(self)
        _check_ranges(self)
        _check_lists(self)
        if self.thinking is not None:
            _check_thinking(self.thinking, self.model, self.max_tokens)

    def parameters(self) -> dict[str, Json]:
        """The body's top-level fields that the user set, without messages and system."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value for name, value in named.items() if value is not None and value is not False
        }


def _check_model(model: str) -> None:
    if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
        raise InvalidSpec(f"model={model!r} is no model id. An example: {DEFAULT_MODEL!r}.")


def _check_known(spec: CompletionSpec) -> None:
    """Only what the vendor publishes is refused here: an unknown model may know anything."""
    if not NEWER_MODELS.fullmatch(spec.model):
        return
    for name in SAMPLING_PARAMETERS:
        if getattr(spec, name) is not None:
            raise InvalidSpec(f"{spec.model} does not know {name}. Leave {name} out.")


def _check_ranges(spec: CompletionSpec) -> None:
    _check_number("max_tokens", spec.max_tokens, least=1, whole=True)
    _check_number("temperature", spec.temperature, least=0, most=1)
    _check_number("top_p", spec.top_p, least=0, most=1)
    _check_number("top_k", spec.top_k, least=0, whole=True)


def _check_number(
    name: str, value: float | None, *, least: float, most: float | None = None, whole: bool = False
) -> None:
    if value is None:
        return
    kind = "a whole number" if whole else "a number"
    span = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
    fits = (
        isinstance(value, int if whole else (int, float))
        and not isinstance(value, bool)
        and value >= least
        and (most is None or value <= most)
    )
    if not fits:
        raise InvalidSpec(f"{name}={value!r}: give {kind} {span}.")


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
        if not _is_json(getattr(spec, name)):
            raise InvalidSpec(f"{name} holds what JSON has no word for, such as NaN or a date.")


def _is_json(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(part) for key, part in value.items())
    if isinstance(value, (tuple, list)):
        return all(_is_json(part) for part in value)
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, (str, int))


def _check_thinking(thinking: JsonObject, model: str, max_tokens: int | None) -> None:
    kinds = ("enabled",) if model in SAMPLING_MODELS else ("enabled", "disabled", "adaptive")
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in kinds:
        raise InvalidSpec(f"thinking: its type must be one of {', '.join(kinds)} for {model}.")
    if kind != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < THINKING_TOKENS_MIN:
        raise InvalidSpec(
            f"thinking: budget_tokens={budget!r}; give at least {THINKING_TOKENS_MIN}."
        )
    if max_tokens is not None and budget >= max_tokens:
        raise InvalidSpec(
            f"thinking: budget_tokens={budget} must be below max_tokens={max_tokens}. "
            f"Raise max_tokens, which counts thinking too."
        )
