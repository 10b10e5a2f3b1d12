"""Extracts the reasons of an error, and the fields concerned, from its details and nested texts.

The live API says "Validation failed" and lists the reasons in `details`. It repeats the message of
the model's vendor as `400 {"type":"error",…}` inside its own message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.error_messages import (
    as_message,
    message_of_body,
    messages_in,
    tidy_line,
)
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_list,
    as_object,
    as_text,
    decode_json,
)
from airflow_provider_aimlapi.api.messages.key_removal import ERROR_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

# Longer than a plain message, because it names fields. It still fits into a log line.
EXPLANATION_CHARACTERS_MAX = 480
# A validator lists one reason for each item of a list. The first few show the mistake.
DETAILS_MAX = 5
_DETAIL_CHARACTERS_MAX = 200
_TEXTS_MAX = 2
"""A text nested in two texts. In deeper ones an escaped key would not have been found."""
_LISTS = ("details", "errors", "issues", "detail")
_WHERE = ("path", "loc", "param", "field", "property")
_WHY = ("reason", "message", "msg", "error", "code")
_NO_WORDS = re.compile(
    r"[\s:,.-]*(?:(?:HTTP|[Ee]rror|[Cc]ode|[Ss]tatus)[\s:]*)*[0-9]{0,3}[\s:,.-]*"
)


def explained_error(body: bytes, envelope: JsonObject) -> str:
    """Return a body's reasons and the fields concerned, as one short line.

    Args:
        body: the body of an error, without the key. If it is short, escaped keys are removed, too.
        envelope: the JSON object in it; an empty one if there is none.
    """
    # In a long body, escaped spellings of the key were not searched for. So nothing is unescaped
    # here.
    if len(body) > ERROR_BYTES_MAX:
        return message_of_body(body, envelope)
    message = _message_line(envelope) or tidy_line(
        _unwrapped_message(message_of_body(body, envelope))
    )
    reasons = [reason for reason in _reasons_in(envelope) if reason not in message]
    if not reasons:
        return message
    text = "; ".join(dict.fromkeys(reasons[:DETAILS_MAX]))
    return tidy_line(
        f"{message.removesuffix('.')}: {text}" if message else text, EXPLANATION_CHARACTERS_MAX
    )


def _message_line(envelope: JsonObject) -> str:
    lines = (tidy_line(_unwrapped_message(as_message(value))) for value in messages_in(envelope))
    return next((line for line in lines if line), "")


def _unwrapped_message(text: str, depth: int = _TEXTS_MAX) -> str:
    """Return the message of an envelope that is nested in a text; other texts unchanged."""
    start = text.find("{")
    if start < 0 or not depth:
        return text
    try:
        inner = as_object(decode_json(text[start:].strip()))
    except Unreadable:
        return text
    message = next((m for m in map(as_message, messages_in(inner)) if m), "")
    if not message:
        return text
    before = text[:start]
    return _unwrapped_message(
        message if _NO_WORDS.fullmatch(before) else before + message, depth - 1
    )


def _reasons_in(envelope: JsonObject) -> Iterator[str]:
    """Yield each detail as "field: reason", or whichever of the two there is."""
    for found in (as_object(envelope.get("error")), envelope):
        for name in _LISTS:
            for detail in as_list(found.get(name)):
                reason = _reason_of_detail(detail)
                if reason:
                    yield reason


def _reason_of_detail(detail: object) -> str:
    entry = as_object(detail)
    if not entry:
        return tidy_line(as_text(detail), _DETAIL_CHARACTERS_MAX)
    where = next((path for path in (_field_path(entry.get(name)) for name in _WHERE) if path), "")
    why = next(
        (message for message in (as_message(entry.get(name)) for name in _WHY) if message), ""
    )
    both = (
        f"{where}: {_unwrapped_message(why)}" if where and why else where or _unwrapped_message(why)
    )
    return tidy_line(both, _DETAIL_CHARACTERS_MAX)


def _field_path(value: object) -> str:
    """Return a path, which may also be a list of names and positions."""
    steps = [str(step) for step in as_list(value) if isinstance(step, str | int)]
    return ".".join(steps) or as_text(value)
