"""The calls of a check: what each sends, and how many tokens it can take at most. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject

DATED = DEFAULT_MODEL
DOTTED = "anthropic/claude-sonnet-4.6"
CALLS_MAX = 12
QUESTION = "Name a colour. One word is enough."
WORD = "marmalade"
"""Answered by a model that has read SYSTEM, and by no other."""
FILLER = "The harbour was built in 1871 and burnt down twice. "
SYSTEM = f"{FILLER * 2}Whatever you are asked, answer with the single word {WORD.title()}."
FIELD = "colour"
"""Of the tool's input, and of the JSON that `response_format` asks for."""
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
}
TOOL: JsonObject = {"name": "record", "input_schema": SCHEMA}
CACHED_TOKENS_MIN = 1_024
"""Shorter marked texts are not written, without a word."""
MARKED_TOKENS = 1_100
"""More than that, for the tokens in a character are measured on another text."""
CHARACTERS_PER_TOKEN = 4.0
"""Where it could not be measured. Claude's are shorter, so the text is rather too long."""

_FRAME_TOKENS = 32
"""Around the texts of a message."""
_TOOL_TOKENS = 448
"""A few hundred explain the use of tools to the model. An answer in JSON may be a tool's call."""
_TOOL_TOKENS_LIKELY = 340
_WORD_TOKENS = 16
"""Enough for the word; an answer that is longer is cut, which is no harm."""
_JSON_TOKENS = 56
_MARKED_MARGIN = 1.15
_ASSUMED_MARGIN = 1.35
"""By how much the tokens of the marked text may be more, if its length goes by a measurement, or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        prompt_tokens_max: bounds its cost. prompt_tokens_likely: for what is said before.
        is_marked: whether its prompt may be charged as a write to the cache.
        is_refused: whether no API answers it, so that it is sent whatever the prices are.
    """

    name: str
    model: str
    body: bytes
    prompt_tokens_max: int
    prompt_tokens_likely: int
    max_tokens: int = _WORD_TOKENS
    is_marked: bool = False
    is_refused: bool = False


def first_calls() -> tuple[Call, ...]:
    """Return the calls before the marked text is sent: two that are refused, and its measure."""
    opening = _body(DATED, max_tokens=1)
    turns = [*opening["messages"], {"role": "assistant", "content": "Blue"}]
    return (
        _call("invalid", opening | {"messages": []}, is_refused=True),
        _call("prefill", opening | {"messages": turns}),
        _call("plain-dated", _body(DATED)),
        _call("system-dated", _body(DATED, SYSTEM)),
    )


def middle_calls() -> tuple[Call, ...]:
    """Return the calls between the write of the marked text and its read."""
    return (
        _call("plain-dotted", _body(DOTTED)),
        _call("system-dotted", _body(DOTTED, SYSTEM)),
        _call("system-field-dotted", _body(DOTTED) | {"system": SYSTEM}),
    )


def last_calls() -> tuple[Call, ...]:
    """Return the calls that are left out first when the limit comes near."""
    form = {"name": "record", "strict": True, "schema": SCHEMA | {"additionalProperties": False}}
    asked = {"response_format": {"type": "json_schema", "json_schema": form}}
    forced: dict[str, Any] = {
        "tools": (TOOL,),
        "tool_choice": {"type": "tool", "name": TOOL["name"]},
        "max_tokens": _JSON_TOKENS,
    }
    return (
        _call("tool-dated", _body(DATED, **forced), extra_tokens=_TOOL_TOKENS),
        _call(
            "response-format",
            _body(DOTTED, max_tokens=_JSON_TOKENS) | asked,
            extra_tokens=_TOOL_TOKENS,
        ),
        _call("tool-dotted", _body(DOTTED, **forced), extra_tokens=_TOOL_TOKENS),
    )


def marked_calls(nonce: str, measured: float | None) -> tuple[Call, Call]:
    """Return the call that writes a marked text to the cache, and the one that reads it.

    Args:
        nonce: begins the text, so that no earlier check has written it.
        measured: characters in a token of SYSTEM; None where that is not known.
    """
    characters = round(MARKED_TOKENS * (measured or CHARACTERS_PER_TOKEN))
    text = f"Note {nonce}. {FILLER * (characters // len(FILLER) + 1)}"[:characters]
    mark = {"type": "ephemeral", "ttl": "5m"}
    parts = [
        {"type": "text", "text": text, "cache_control": mark},
        {"type": "text", "text": QUESTION},
    ]
    margin = _ASSUMED_MARGIN if measured is None else _MARKED_MARGIN
    body = _body(DATED) | {"messages": [{"role": "user", "content": parts}]}
    write, read = (
        Call(
            name=name,
            model=DATED,
            body=msgspec.json.encode(body, order="sorted"),
            prompt_tokens_max=round(MARKED_TOKENS * margin) + 2 * _FRAME_TOKENS,
            prompt_tokens_likely=MARKED_TOKENS + _FRAME_TOKENS,
            is_marked=True,
        )
        for name in ("cache-write", "cache-read")
    )
    return write, read


def _body(
    model: str, system: str | None = None, *, max_tokens: int = _WORD_TOKENS, **parameters: Any
) -> dict[str, Any]:
    """Return the request that a run would send."""
    spec = CompletionSpec(model=model, max_tokens=max_tokens, **parameters)
    return msgspec.json.decode(
        RequestEncoder(spec).encode(message_of(QUESTION, system)), type=dict[str, Any]
    )


def _call(
    name: str, body: dict[str, Any], *, extra_tokens: int = 0, is_refused: bool = False
) -> Call:
    """Return a call. A text has no more tokens than bytes."""
    encoded = msgspec.json.encode(body, order="sorted")
    likely = round(len(encoded) / CHARACTERS_PER_TOKEN)
    return Call(
        name=name,
        model=body["model"],
        body=encoded,
        prompt_tokens_max=len(encoded) + _FRAME_TOKENS + extra_tokens,
        prompt_tokens_likely=likely + (_TOOL_TOKENS_LIKELY if extra_tokens else 0),
        max_tokens=body["max_tokens"],
        is_refused=is_refused,
    )
