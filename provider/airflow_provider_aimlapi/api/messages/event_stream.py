"""Joins server-sent events into the object that an answer without `stream` would be.

Works on a whole body, so it does not matter where the network divided it. Costs and meaning are
left to the reader of the answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.completion_reading import is_failure
from airflow_provider_aimlapi.api.messages.damaged_json import decode_start, sound_text, whole_text
from airflow_provider_aimlapi.api.messages.error_messages import message_in
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_count,
    as_list,
    as_object,
    as_text,
    decode_json,
    encode_json,
    may_hold_too_many_values,
    strip_leading_marks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_BYTES_MAX = 4 * 1024 * 1024
# A model makes a few. Each costs memory, and an index is for the server to choose.
TOOL_CALLS_MAX = 1_000
# The API's usage has about ten names. Each event could add others.
USAGE_NAMES_MAX = 100
_DONE = b"[DONE]"
_DATA_LINE = re.compile(rb"(?:\A|[\r\n])data: *")
_LINE = re.compile(rb"[^\r\n]+")
_LINE_ENDS = frozenset({b"\n", b"\r", b"\r\n"})
"""The line ends that may stand between two lines without ending the event."""


def parse_events(body: bytes) -> Iterator[bytes]:
    """Yield the data of each event, in order.

    Lines end in CR, LF or both. Several data lines are one event. Comments and other fields are
    skipped. A last event without its blank line is yielded, too, because only its decoder can find
    out whether it is complete. Source: the HTML standard, "Server-sent events".
    """
    event = bytearray()  # each line in it ends with LF
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
    """Return a streamed answer in the form of one that was not streamed.

    `[DONE]` is not required, because the API's own examples end without it. A finish_reason is.

    Raises:
        Unreadable: an event is not JSON, or the stream ended before its finish_reason.
    """
    try:
        return _assembled_chunks(_chunks_by_standard(body))
    # 1. The standard: an event may have several lines.
    # 2. Some gateways break a chunk over lines without `data:`. It is then read up to the next
    #    line with one.
    except _Broken as failure:
        with suppress(_Broken):
            return _assembled_chunks(_chunks_across_lines(body))
        raise Unreadable(failure.reason, payload=failure.payload) from None


class _Broken(Unreadable):
    """An event that should be a chunk is not JSON."""


def _chunks_by_standard(body: bytes) -> Iterator[JsonObject]:
    """Yield each chunk, read by the standard. Events that are not objects, such as `ping`, are skipped."""
    for data in parse_events(body):
        text = data.strip()
        if text == _DONE:
            return
        if text.startswith(b"{"):
            try:
                yield as_object(decode_json(text, keep_halves=True))
            except Unreadable as error:
                raise _Broken(error.reason) from None


def _chunks_across_lines(body: bytes) -> Iterator[JsonObject]:
    """Yield each chunk, read up to the next line with `data:`, as if chunks held line breaks."""
    for event in _events_across_lines(body):
        if event.startswith(_DONE):
            return
        if event.startswith(b"{"):
            if may_hold_too_many_values(event):
                raise _Broken("it is not valid JSON")
            try:
                chunk, _ = decode_start(sound_text(event, keep_halves=True))
            except (ValueError, RecursionError):
                raise _Broken("it is not valid JSON") from None
            yield as_object(chunk)


def _events_across_lines(body: bytes) -> Iterator[bytes]:
    start: int | None = None
    for line in _DATA_LINE.finditer(body):
        if start is not None:
            yield body[start : line.start()]
        start = line.end()
    if start is not None:
        yield body[start:]


def _assembled_chunks(chunks: Iterator[JsonObject]) -> JsonObject:
    """Return the chunks as one answer. A fault after the finish_reason can only concern the bill."""
    stream = _Stream()
    try:
        for chunk in chunks:
            stream.add_chunk(chunk)
    # After the finish_reason the answer is whole, so that a broken event can only concern the bill.
    except _Broken as failure:
        if not stream.finish_reason:
            failure.payload = stream.answer_so_far()
            raise
    answer = stream.answer_so_far()
    if stream.finish_reason:
        return answer
    if stream.failure is not None:
        reason, message = "the stream broke off with an error", message_in(stream.failure)
    else:
        reason, message = "the stream was cut off before its finish_reason", ""
    raise Unreadable(reason, message, answer)


@dataclass(slots=True)
class _ToolCall:
    """A tool call, as far as it has arrived."""

    call_id: str = ""
    name: str = ""
    arguments: StringIO = field(default_factory=StringIO)

    def add_delta(self, delta: JsonObject) -> None:
        function = as_object(delta.get("function"))
        self.call_id = self.call_id or as_text(delta.get("id"))
        self.name = self.name or as_text(function.get("name"))
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            self.arguments.write(arguments)
        elif arguments:
            self.arguments.write(encode_json(arguments))

    def whole_call(self) -> JsonObject:
        arguments = whole_text(self.arguments.getvalue())
        function = {"name": whole_text(self.name), "arguments": arguments}
        return {"id": whole_text(self.call_id), "type": "function", "function": function}


@dataclass(slots=True)
class _Stream:
    """The events so far.

    Attributes:
        failure: the first error of the stream or of its choice; None if there is none.
    """

    failure: JsonObject | None = None
    model: str = ""
    finish_reason: str = ""
    native_finish_reason: str = ""
    has_content: bool = False
    content: StringIO = field(default_factory=StringIO)
    refusal: StringIO = field(default_factory=StringIO)
    tool_calls: dict[int, _ToolCall] = field(default_factory=dict)
    usage: JsonObject = field(default_factory=dict)
    charge: JsonObject = field(default_factory=dict)

    def add_chunk(self, chunk: JsonObject) -> None:
        # After its finish_reason an answer is complete and paid, so a later error does not count.
        if not self.finish_reason and is_failure(chunk):
            self._note_failure(chunk)
        self.model = self.model or as_text(chunk.get("model"))
        _merge_values(self.usage, chunk.get("usage"))
        _merge_values(self.charge, as_object(chunk.get("meta")).get("usage"))
        for choice in map(as_object, as_list(chunk.get("choices"))):
            if not as_count(choice.get("index")):  # the first choice, or one without an index
                self._add_choice(choice)

    def _note_failure(self, error: JsonObject) -> None:
        self.failure = self.failure or error

    def _add_choice(self, choice: JsonObject) -> None:
        delta = as_object(choice.get("delta")) or self._whole_message(choice)
        for part in (choice, delta):
            if is_failure(part):
                self._note_failure(part)
        self.finish_reason = as_text(choice.get("finish_reason")) or self.finish_reason
        native = as_text(choice.get("native_finish_reason"))
        self.native_finish_reason = native or self.native_finish_reason
        for text in _texts_of_content(delta.get("content")):
            self.has_content = True
            self.content.write(text)
        self.refusal.writelines(_texts_of_content(delta.get("refusal")))
        for call in map(as_object, as_list(delta.get("tool_calls"))):
            self.tool_calls.setdefault(self._call_index(call), _ToolCall()).add_delta(call)
        if len(self.tool_calls) > TOOL_CALLS_MAX:
            raise Unreadable(f"it holds more than {TOOL_CALLS_MAX:,} tool calls")

    def _whole_message(self, choice: JsonObject) -> JsonObject:
        """Return the message of an answer that came in one event; {} if it repeats its deltas."""
        if self.has_content or self.tool_calls:
            return {}
        return as_object(choice.get("message"))

    def _call_index(self, call: JsonObject) -> int:
        """Return the index of the call that a delta belongs to. Without one, an id begins a new call."""
        index = as_count(call.get("index"))
        # 1. The standard form.
        # 2. Some servers leave the index out: an id begins a new call, and a delta without one
        #    continues it.
        if index is not None:
            return index
        last = max(self.tool_calls, default=-1)
        return last + 1 if as_text(call.get("id")) or last < 0 else last

    def answer_so_far(self) -> JsonObject:
        """Return the answer in the form without streaming, as far as it has arrived."""
        message: JsonObject = {
            "content": whole_text(self.content.getvalue()) if self.has_content else None,
            "refusal": whole_text(self.refusal.getvalue()),
            "tool_calls": [call.whole_call() for call in self.tool_calls.values()],
        }
        choice: JsonObject = {
            "message": message,
            "finish_reason": whole_text(self.finish_reason) or None,
            "native_finish_reason": whole_text(self.native_finish_reason) or None,
        }
        return {
            "model": whole_text(self.model),
            "choices": [choice],
            "usage": self.usage,
            "meta": {"usage": self.charge},
            "error": None if self.failure is None else message_in(self.failure) or True,
        }


def _merge_values(known: JsonObject, news: object) -> None:
    """Add the values of a late chunk. Such chunks come in pieces, with null for what is missing."""
    for name, value in as_object(news).items():
        if value is not None and (name in known or len(known) < USAGE_NAMES_MAX):
            known[name] = value


def _texts_of_content(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in as_list(content):
        yield as_text(as_object(part).get("text"))
