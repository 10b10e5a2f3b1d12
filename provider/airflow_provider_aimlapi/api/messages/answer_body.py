"""Finds the one object in an answer's body, whatever a gateway put around it.

Strict JSON and standard event streams are tried first. Only a body that is neither is searched.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.damaged_json import objects_in, sound_text, utf8_of
from airflow_provider_aimlapi.api.messages.error_messages import message_of_body
from airflow_provider_aimlapi.api.messages.event_stream import assemble_answer
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_list,
    as_object,
    decode_json,
    may_hold_too_many_values,
    strip_leading_marks,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer

EVENT_STREAM = "text/event-stream"
_DATA_LINE = re.compile(rb"(?:\A|[\r\n])data:")
_LONE_DATA_LINES = 2
"""A `data:` before a whole answer, and `[DONE]` after it, do not make it a stream."""


def read_body(answer: Answer) -> JsonObject:
    """Return the object that an answer's body holds.

    The first characters decide the format, because gateways label bodies wrongly.

    Raises:
        Unreadable: there is no object, or there are several candidates.
    """
    body = strip_leading_marks(utf8_of(answer.body))
    if not body:
        raise Unreadable("it is empty")
    if body.startswith(b"<"):
        raise Unreadable("it is a web page", message_of_body(body, {}))
    if body.startswith(b"{") or not _holds_events(body, answer.content_type):
        return _json_object(body)
    try:
        return assemble_answer(body)
    # A gateway may put `data:` before one whole answer. A real stream has more such lines.
    except Unreadable:
        many = next(islice(_DATA_LINE.finditer(body), _LONE_DATA_LINES, None), None)
        whole = _search_for_objects(body)[0] if many is None else None
        if whole is None:
            raise
        return whole


def _holds_events(body: bytes, content_type: str) -> bool:
    """Return whether a body that does not begin with an object is a stream of events."""
    data_line, brace = _DATA_LINE.search(body), body.find(b"{")
    if data_line is None:
        return content_type == EVENT_STREAM and brace < 0
    return content_type == EVENT_STREAM or brace < 0 or data_line.start() < brace


def _json_object(body: bytes) -> JsonObject:
    try:
        value = decode_json(body)
    except Unreadable:
        # Only now, because a search takes ten times as long, and finds objects in any text.
        completion, other = _search_for_objects(body)
        if completion is None and other is None:
            raise
        # An error's object counts if it is the only one. Its reader reports what it says.
        return completion or other or {}
    if not isinstance(value, dict):
        raise Unreadable("it is no JSON object")
    return value


def _search_for_objects(body: bytes) -> tuple[JsonObject | None, JsonObject | None]:
    """Return the one completion in a text, and the one object that is not a completion.

    Raises:
        Unreadable: there are several completions, and nothing shows which one counts.
    """
    if may_hold_too_many_values(body):
        return None, None
    completion: JsonObject | None = None
    other: JsonObject | None = None
    others = 0
    for found in objects_in(sound_text(body)):
        if not _is_completion(found):
            other, others = found, others + 1
        elif completion is not None:
            raise Unreadable("it holds more than one completion")
        else:
            completion = found
    return completion, other if others == 1 else None


def _is_completion(found: JsonObject) -> bool:
    choices = as_list(found.get("choices"))
    return bool(choices) and isinstance(as_object(choices[0]).get("message"), dict)
