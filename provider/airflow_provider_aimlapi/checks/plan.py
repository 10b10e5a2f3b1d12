"""The calls of a check: their requests, and the most tokens that each can take. Sends nothing."""

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
"""The answer of a model that has read SYSTEM. No other model gives it."""
FILLER = "The harbour was built in 1871 and burnt down twice. "
SYSTEM = f"{FILLER * 2}Whatever you are asked, answer with the single word {WORD.title()}."
FIELD = "colour"
"""The field of the tool's input, and of the JSON that `response_format` requests."""
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
}
TOOL: JsonObject = {"name": "record", "input_schema": SCHEMA}
CACHED_TOKENS_MIN = 1_024
"""The API does not cache a shorter marked text, and does not report that."""
MARKED_TOKENS = 1_100
"""A little more, because the length of a token is measured on another text."""
CHARACTERS_PER_TOKEN = 4.0
"""The assumption if it cannot be measured. Claude's tokens are shorter, so the text is rather too long."""

_FRAME_TOKENS = 32
"""An upper bound for the tokens around the texts of a message."""
_TOOL_TOKENS = 448
"""A few hundred tokens explain tools to the model. `response_format` may be implemented by a tool."""
_TOOL_TOKENS_LIKELY = 340
_WORD_TOKENS = 16
"""Enough for the word. A longer answer is cut, which does no harm."""
_JSON_TOKENS = 56
_MEASURED_SLACK = 1.15
_ASSUMED_SLACK = 1.35
"""The factor by which the marked text may have more tokens, if a token's length is measured or assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        name: identifies the call in the table and, with a nonce, in the API's log.
        model: the model id.
        body: the request's bytes.
        prompt_tokens_max: bounds the cost.
        prompt_tokens_likely: for the announcement of the cost.
        max_tokens: the most tokens of the answer.
        is_marked: whether its prompt may be charged as a write to the cache.
        is_refused: whether the API certainly refuses it, so that it costs nothing whatever the prices.
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
    """Return the calls before the marked text: two that are refused, and two that measure a token."""
    opening = _build_body(DATED, max_tokens=1)
    turns = [*opening["messages"], {"role": "assistant", "content": "Blue"}]
    return (
        _build_call("invalid", opening | {"messages": []}, is_refused=True),
        _build_call("prefill", opening | {"messages": turns}),
        _build_call("plain-dated", _build_body(DATED)),
        _build_call("system-dated", _build_body(DATED, SYSTEM)),
    )


def middle_calls() -> tuple[Call, ...]:
    """Return the calls between the write of the marked text and its read."""
    return (
        _build_call("plain-dotted", _build_body(DOTTED)),
        _build_call("system-dotted", _build_body(DOTTED, SYSTEM)),
        _build_call("system-field-dotted", _build_body(DOTTED) | {"system": SYSTEM}),
    )


def last_calls() -> tuple[Call, ...]:
    """Return the calls that are left out first if the limit is near."""
    form = {"name": "record", "strict": True, "schema": SCHEMA | {"additionalProperties": False}}
    wanted = {"response_format": {"type": "json_schema", "json_schema": form}}
    forced: dict[str, Any] = {
        "tools": (TOOL,),
        "tool_choice": {"type": "tool", "name": TOOL["name"]},
        "max_tokens": _JSON_TOKENS,
    }
    return (
        _build_call("tool-dated", _build_body(DATED, **forced), extra_tokens=_TOOL_TOKENS),
        _build_call(
            "response-format",
            _build_body(DOTTED, max_tokens=_JSON_TOKENS) | wanted,
            extra_tokens=_TOOL_TOKENS,
        ),
        _build_call("tool-dotted", _build_body(DOTTED, **forced), extra_tokens=_TOOL_TOKENS),
    )


def marked_calls(nonce: str, measured: float | None) -> tuple[Call, Call]:
    """Return the call that writes a marked text to the cache, and the one that reads it.

    Args:
        nonce: the start of the text, so that no earlier check has written it.
        measured: the characters in a token of SYSTEM; None if not known.
    """
    # The text must be long enough for the cache and short enough for the limit, so it is cut exactly.
    characters = round(MARKED_TOKENS * (measured or CHARACTERS_PER_TOKEN))
    text = f"Note {nonce}. {FILLER * (characters // len(FILLER) + 1)}"[:characters]
    mark = {"type": "ephemeral", "ttl": "5m"}
    parts = [
        {"type": "text", "text": text, "cache_control": mark},
        {"type": "text", "text": QUESTION},
    ]
    slack = _ASSUMED_SLACK if measured is None else _MEASURED_SLACK
    body = _build_body(DATED) | {"messages": [{"role": "user", "content": parts}]}
    write, read = (
        Call(
            name=name,
            model=DATED,
            body=msgspec.json.encode(body, order="sorted"),
            prompt_tokens_max=round(MARKED_TOKENS * slack) + 2 * _FRAME_TOKENS,
            prompt_tokens_likely=MARKED_TOKENS + _FRAME_TOKENS,
            is_marked=True,
        )
        for name in ("cache-write", "cache-read")
    )
    return write, read


def _build_body(
    model: str, system: str | None = None, *, max_tokens: int = _WORD_TOKENS, **parameters: Any
) -> dict[str, Any]:
    """Return the request that a run would send for the question."""
    spec = CompletionSpec(model=model, max_tokens=max_tokens, **parameters)
    return msgspec.json.decode(
        RequestEncoder(spec).encode_request(message_of(QUESTION, system)), type=dict[str, Any]
    )


def _build_call(
    name: str, body: dict[str, Any], *, extra_tokens: int = 0, is_refused: bool = False
) -> Call:
    """Return a call with its token counts."""
    # A text never has more tokens than bytes, so the bytes bound the cost without a tokenizer.
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
