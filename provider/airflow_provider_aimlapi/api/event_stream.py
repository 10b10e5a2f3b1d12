"""Server-sent events put together into the one object that an answer without `stream` would be.

Works on a whole body: where the network split it plays no part. Money and the meaning of what is
found are the reader's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.error_messages import said_in
from airflow_provider_aimlapi.api.json_values import (
    JsonObject,
    Unreadable,
    as_count,
    as_list,
    as_object,
    as_text,
    decode_json,
    encode_json,
    strip_leading_marks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_BYTES_MAX = 4 * 1024 * 1024
TOOL_CALLS_MAX = 1_000
USAGE_NAMES_MAX = 100
_DONE = b"[DONE]"
_LINE = re.compile(rb"[^\r\n]+")
_LINE_ENDS = frozenset({b"\n", b"\r", b"\r\n"})
"""What lies between two lines when none of them is followed by an empty one."""


def parse_events(body: bytes) -> Iterator[bytes]:
    """The data of each event, in order.

    Lines end in CR, LF or both; several data lines are one event; comments and other fields are
    passed over. A last event without its blank line is given too: only a decoder can tell whether
    it is whole. Source: the HTML standard, "Server-sent events".
    """
    event = bytearray()  # each of its lines is followed by LF until it is given
    end = 0
    text = strip_leading_marks(body)
    for line in _LINE.finditer(text):
        if event and text[end : line.start()] not in _LINE_ENDS:
            yield bytes(event[:-1])
            event.clear()
        end = line.end()
        name, _, value = line[0].partition(b":")
        if name == b"data":
            event += value.removeprefix(b" ")
            event += b"\n"
            if len(event) > EVENT_BYTES_MAX:
                raise Unreadable(f"one of its events is larger than {EVENT_BYTES_MAX:,} bytes")
    if event:
        yield bytes(event[:-1])


def assemble_answer(body: bytes) -> JsonObject:
    """A streamed answer in the shape of one that was not streamed.

    `[DONE]` is not asked for: the API's own examples end without it. What counts is a
    finish_reason.

    Raises:
        Unreadable: an event that is no JSON, an error among the events, or a stream that was
            cut off before its finish_reason.
    """
    stream = _Stream()
    for data in parse_events(body):
        text = data.strip()
        if text == _DONE:
            break
        if text:
            stream.add(as_object(decode_json(text)))
    return stream.answer()


@dataclass(slots=True)
class _ToolCall:
    """A tool call as far as it has come."""

    call_id: str = ""
    name: str = ""
    arguments: StringIO = field(default_factory=StringIO)

    def add(self, delta: JsonObject) -> None:
        function = as_object(delta.get("function"))
        self.call_id = self.call_id or as_text(delta.get("id"))
        self.name = self.name or as_text(function.get("name"))
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            self.arguments.write(arguments)
        elif arguments:
            self.arguments.write(encode_json(arguments).decode())

    def whole(self) -> JsonObject:
        function = {"name": self.name, "arguments": self.arguments.getvalue()}
        return {"id": self.call_id, "type": "function", "function": function}


@dataclass(slots=True)
class _Stream:
    """What the events said so far."""

    model: str = ""
    finish_reason: str = ""
    has_content: bool = False
    content: StringIO = field(default_factory=StringIO)
    refusal: StringIO = field(default_factory=StringIO)
    tool_calls: dict[int, _ToolCall] = field(default_factory=dict)
    usage: JsonObject = field(default_factory=dict)
    charge: JsonObject = field(default_factory=dict)

    def add(self, chunk: JsonObject) -> None:
        # After its finish_reason an answer is whole, and paid: a late error takes nothing back.
        if not self.finish_reason and (chunk.get("error") or chunk.get("statusCode")):
            raise Unreadable("the stream broke off with an error", said_in(chunk))
        self.model = self.model or as_text(chunk.get("model"))
        _merge(self.usage, chunk.get("usage"))
        _merge(self.charge, as_object(chunk.get("meta")).get("usage"))
        for choice in map(as_object, as_list(chunk.get("choices"))):
            if not as_count(choice.get("index")):  # the first, or one without an index
                self._add_choice(choice)

    def _add_choice(self, choice: JsonObject) -> None:
        self.finish_reason = as_text(choice.get("finish_reason")) or self.finish_reason
        delta = as_object(choice.get("delta"))
        for text in _texts(delta.get("content")):
            self.has_content = True
            self.content.write(text)
        self.refusal.writelines(_texts(delta.get("refusal")))
        for call in map(as_object, as_list(delta.get("tool_calls"))):
            self.tool_calls.setdefault(self._place(call), _ToolCall()).add(call)
        if len(self.tool_calls) > TOOL_CALLS_MAX:
            raise Unreadable(f"it holds more than {TOOL_CALLS_MAX:,} tool calls")

    def _place(self, call: JsonObject) -> int:
        """Which call a delta belongs to; without an index, an id begins a new one."""
        index = as_count(call.get("index"))
        if index is not None:
            return index
        last = max(self.tool_calls, default=-1)
        return last + 1 if as_text(call.get("id")) or last < 0 else last

    def answer(self) -> JsonObject:
        """The answer as it would have come without streaming.

        Raises:
            Unreadable: the stream ended before it said why it ended.
        """
        if not self.finish_reason:
            raise Unreadable("the stream was cut off before its finish_reason")
        message: JsonObject = {
            "content": self.content.getvalue() if self.has_content else None,
            "refusal": self.refusal.getvalue(),
            "tool_calls": [call.whole() for call in self.tool_calls.values()],
        }
        return {
            "model": self.model,
            "choices": [{"message": message, "finish_reason": self.finish_reason}],
            "usage": self.usage,
            "meta": {"usage": self.charge},
        }


def _merge(known: JsonObject, news: object) -> None:
    """Late chunks tell in pieces, with nulls for what they do not tell."""
    for name, value in as_object(news).items():
        if value is not None and (name in known or len(known) < USAGE_NAMES_MAX):
            known[name] = value


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in as_list(content):
        yield as_text(as_object(part).get("text"))
