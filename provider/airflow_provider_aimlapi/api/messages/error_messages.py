"""Extracts the API's message from an error in any envelope, as one short line.

The line may repeat a prompt, so it belongs in the row's own record only.
"""

from __future__ import annotations

import re

from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_list,
    as_object,
    as_text,
    as_word,
    decode_json,
    strip_leading_marks,
)

MESSAGE_CHARACTERS_MAX = 300
_BODY_BYTES_LOOKED_AT = 4_096
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(r"(?i)\b(bearer\s+|sk-)[\w.~+/-]{6,}")


def tidy_line(text: str, characters_max: int = MESSAGE_CHARACTERS_MAX) -> str:
    """Return one line of printable text, cut to a length, without anything that looks like a key."""
    # Only the beginning is searched for secrets, because a body may have megabytes. White space
    # that is joined takes some of it.
    start = text[: 4 * characters_max]
    printable = "".join(c if c.isprintable() else " " for c in start)
    line = _SECRET.sub(r"\1[secret]", " ".join(printable.split()))
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"


def read_envelope(body: bytes) -> JsonObject:
    """Return the JSON object in a body; an empty one if there is none."""
    try:
        return as_object(decode_json(strip_leading_marks(body)))
    except Unreadable:
        return {}


def message_in(envelope: JsonObject) -> str:
    """Return the message in a decoded envelope, legacy or problem+json; "" if there is none."""
    return next(
        (message for message in map(_line_of_message, messages_in(envelope)) if message), ""
    )


def messages_in(envelope: JsonObject) -> tuple[object, ...]:
    """Return the values that may hold the message of an envelope, the likeliest first."""
    error = envelope.get("error")
    nested = as_object(error)
    return (
        envelope.get("message"),
        nested.get("message"),
        error,
        envelope.get("detail"),
        envelope.get("title"),
        nested.get("name"),
    )


def message_of_body(body: bytes, envelope: JsonObject) -> str:
    """Return the message of a body: its envelope's message, a page's title, or its plain text."""
    message = message_in(envelope)
    if message or envelope:
        return message
    text = strip_leading_marks(body[:_BODY_BYTES_LOOKED_AT]).decode("utf-8", "replace")
    if text.startswith("<"):
        title = _TITLE.search(text)
        return tidy_line(title.group(1)) if title else ""
    return tidy_line(text)


def request_id_in(envelope: JsonObject) -> str | None:
    """Return the envelope's own id of the call."""
    return as_word(envelope.get("requestId")) or as_word(envelope.get("request_id"))


def with_message(text: str, message: str) -> str:
    """Return a text, followed by the API's message about it, if there is one."""
    return f"{text}: {message}" if message else text


def _line_of_message(value: object) -> str:
    return tidy_line(as_message(value))


def as_message(value: object) -> str:
    """Return a message. A list of messages becomes one text."""
    return " ".join(map(as_text, as_list(value))) or as_text(value)
