"""The API's error texts for a body that does not fit the schema."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_PROBLEM = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_ROLE = re.compile(
    r"^Invalid enum value '(?P<role>.*)' - at `\$\.(?P<path>messages\[\d+\]\.role)`$"
)
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*)`")
_RECEIVED_CHARACTERS_MAX = 80


class Complaint(msgspec.Struct, frozen=True):
    """What is wrong with a body.

    Attributes:
        path: the faulty field, as the vendor writes it: `messages[0].content`.
        reason: the expected and the received value.
        message: both as one text, for an envelope without details.
    """

    path: str
    reason: str
    message: str


def explain_problem(problem: str, body: bytes) -> Complaint:
    """Turn the decoder's error into a complaint with field, expected and received value."""
    # 1. A wrong role has a sentence of its own in the API.
    # 2. An unknown field is named, because the decoder names the object around it.
    # 3. Everything else: the value is read from the body once more.
    role = _ROLE.match(problem)
    if role is not None:
        sentence = (
            f"Unsupported value: '{role['path']}' does not support "
            f"'{role['role']}' with this model."
        )
        return Complaint(role["path"], sentence, sentence)
    found = _PROBLEM.match(problem)
    words, path = (found["problem"], found["path"] or "") if found else (problem, "")
    unknown = _UNKNOWN.search(words)
    if unknown is not None:
        where = f"{path}.{unknown['name']}".lstrip(".")
        return hint_in_words(where, "no such parameter with this model", f"'{unknown['name']}'")
    return hint_in_words(
        path.lstrip(".") or "body", _expected_value(words), _received_value(path, body)
    )


def hint_in_words(path: str, expected: str, received: str) -> Complaint:
    """Return a complaint in the API's words."""
    reason = f"Expected: {expected}. Received: {received}."
    return Complaint(path, reason, f"Body validation error! Path: {path}. {reason}")


def _expected_value(words: str) -> str:
    return words.removeprefix("Expected ").partition(", got ")[0].replace("`", "")


def _received_value(path: str, body: bytes) -> str:
    try:
        value: Any = msgspec.json.decode(body)
        for name, index in _STEP.findall(path):
            value = value[name] if name else value[int(index)]
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, RecursionError):
        return "something else"
    text = msgspec.json.encode(value).decode("utf-8", "replace")
    return text if len(text) <= _RECEIVED_CHARACTERS_MAX else f"{text[:_RECEIVED_CHARACTERS_MAX]}…"
