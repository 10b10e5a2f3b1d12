"""Completions as bytes: writes the body of a request, and reads the body of an answer. No network.

No other module writes or reads the JSON of completions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from airflow_provider_aimlapi.api.messages.answer_body import read_body
from airflow_provider_aimlapi.api.messages.completion_reading import read_completion, reported_cost
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import with_message
from airflow_provider_aimlapi.api.messages.head_marks import (
    CACHE_CONTROL,
    HeadMark,
    mark_inside,
    mark_whole,
)
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, Unreadable
from airflow_provider_aimlapi.api.messages.role_refusal import with_role_refusal
from airflow_provider_aimlapi.core.calls.answer_form import FREE
from airflow_provider_aimlapi.core.calls.dialect import model_of
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import with_raised_limit
from airflow_provider_aimlapi.core.texts.redaction import quote_permitted_words
from airflow_provider_aimlapi.errors import InvalidSpec, RequestRejected, WireViolation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.answer_form import AnswerForm
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.calls.message import ExampleTurn, Message
    from airflow_provider_aimlapi.core.calls.request import CompletionSpec
    from airflow_provider_aimlapi.core.prompts.template import PromptTemplate


class RequestEncoder:
    """Writes request bodies that differ only in their prompt and system text.

    The rest is encoded once, in the model's dialect. A body's sha256 identifies its request, and
    the run key does not depend on the order of keys. So parameters are sorted at every depth, and
    `messages` follow them. The system text is before `messages` or inside of it. The turns of
    examples are before the row's own.

    Attributes:
        form: the name of the form in which an answer is requested.
        can_raise: whether the model allows more than `max_tokens`.
        constant_bytes: the size of the examples and of the answer's schema in each body.
    """

    def __init__(
        self,
        spec: CompletionSpec,
        examples: Sequence[ExampleTurn] = (),
        form: AnswerForm = FREE,
    ) -> None:
        """Encode what is the same for all rows.

        Raises:
            InvalidSpec: a parameter or an example holds a number or a text that JSON does not allow.
        """
        self.form = form.name
        # A repair has no examples, because the last answer shows the model more.
        self._of_repairs = RequestEncoder(spec, (), form) if examples else self
        self._text_after = form.instruction
        # Of the texts alone. Everything else of a body is bytes that were encoded before.
        self._strings = msgspec.json.Encoder()
        alone = _encode_parameters(spec, spec.parameters())
        fields = {**spec.parameters(), **form.fields}
        constant = _encode_parameters(spec, fields) if form.fields else alone
        turns = self._encode_turns(examples)
        self._last_answer = self._strings.encode(examples[-1].answer) if examples else b""
        self._tool_mark = _mark_of_tools(spec, fields, constant[:-1])
        instruction = self._strings.encode(form.instruction)
        self._prefix = constant[:-1]
        more = with_raised_limit(spec)
        self.can_raise = more is not None
        # The same beginning with twice `max_tokens`. The rest of a body follows it unchanged.
        self._raised = (
            _encode_parameters(more, {**more.parameters(), **form.fields})[:-1] if more else b""
        )
        self.constant_bytes = len(turns) + len(constant) - len(alone) + len(instruction) - 2
        # Without a system text, the instruction is all of it. It is encoded once, not per row.
        self._instruction = instruction if form.instruction else b""
        self._after_text = rb"\n\n" + instruction[1:] if form.instruction else b""
        user = b'"messages":[' + turns + b'{"role":"user","content":'
        self._alone = constant[:-1] + b"," + user
        if model_of(spec.model).dialect.system == "field":
            self._before_system = constant[:-1] + b',"system":'
            self._after_system = b"," + user
        else:
            self._before_system = constant[:-1] + b',"messages":[{"role":"system","content":'
            self._after_system = b"}," + turns + b'{"role":"user","content":'

    def _encode_turns(self, examples: Sequence[ExampleTurn]) -> bytes:
        """Return the turns of the examples, each followed by a comma."""
        turns = [
            {"role": role, "content": text}
            for example in examples
            for role, text in (("user", example.prompt), ("assistant", example.answer))
        ]
        try:
            return b"".join(self._strings.encode(turn) + b"," for turn in turns)
        except UnicodeEncodeError as error:
            raise InvalidSpec(f"An example is not valid text: {error.reason}.") from None

    def encode_request(self, message: Message, later: tuple[str, str] | None = None) -> bytes:
        """Return the body for one row, exactly as it is sent.

        Args:
            later: an answer to the message, and the next text of the user. None: the message alone.

        Raises:
            RequestRejected: the text holds half a surrogate pair, which UTF-8 cannot encode.
        """
        try:
            prompt = self._strings.encode("".join(message.prompt))
            end = b"}]}" if later is None else self._encode_later_turns(*later)
            if message.system is None and not self._instruction:
                return b"".join((self._alone, prompt, end))
            system = self._encode_system(message.system)
        except UnicodeEncodeError as error:
            raise RequestRejected(
                f"The prompt is not valid text at character {error.start}: {error.reason}."
            ) from None
        return b"".join((self._before_system, system, self._after_system, prompt, end))

    def encode_repair(self, message: Message, answer: str, complaint: str) -> bytes:
        """Return the body of a row's repair: without examples, and with the last answer.

        Raises:
            As `encode_request`.
        """
        return self._of_repairs.encode_request(message, later=(answer, complaint))

    def message_in(self, body: bytes) -> Message:
        """Return the message of a body that this encoder has written."""
        request = _decode_request(body)
        first = request.messages[0]
        system = first.content if first.role == "system" else request.system
        # The instruction was added after the system text, so it is taken off again from there.
        if system is not None and self._text_after:
            system = system.removesuffix(self._text_after).removesuffix("\n\n") or None
        return message_of(request.messages[-1].content, system)

    def head_mark(
        self, prompt: PromptTemplate, system: PromptTemplate | None = None
    ) -> HeadMark | None:
        """Return the mark of the longest head of all requests; None if they have no constant text."""
        # The model reads tools, system, examples and prompt in this order. Of these cases, the first
        # one that applies has the longest head:
        # 1. The system text differs by row: up to its first column, or the tools before it.
        # 2. The prompt begins with a constant text: up to its first column.
        # 3. There are examples: up to the last answer.
        # 4. There is a system text: up to its end.
        # 5. There are tools.
        if system is not None and system.columns:
            after = b'"' + self._after_system
            return self._mark_text(self._before_system, system, after) or self._tool_mark
        before, text = self._alone, b""
        if system is not None or self._instruction:
            text = self._encode_system(system.literals if system else None)
            before = self._before_system + text + self._after_system
        found = self._mark_text(before, prompt, b'"}]}')
        if found is not None:
            return found
        if self._last_answer:
            end = b'},{"role":"user","content":'
            start = before.removesuffix(self._last_answer + end)
            return mark_whole(start, self._last_answer, end)
        if text:
            return mark_whole(self._before_system, text, self._after_system)
        return self._tool_mark

    def _mark_text(self, before: bytes, template: PromptTemplate, after: bytes) -> HeadMark | None:
        """Return the mark of a text's constant beginning; None if it has none.

        Args:
            before: the bytes before the text.
            after: the bytes that follow it, from its last quotation mark on.
        """
        start = template.literals[0]
        if not start.strip():
            return None
        text = self._strings.encode(start)
        if template.columns:
            return mark_inside(before, text, after)
        return mark_whole(before, text, after[1:])

    def with_raised_limit(self, body: bytes) -> bytes:
        """Return a body with twice `max_tokens`, up to the model's maximum."""
        return self._raised + body[len(self._prefix) :]

    def _encode_system(self, system: tuple[str, ...] | None) -> bytes:
        """Return the system text and the instruction as one JSON string."""
        if system is None:
            return self._instruction
        text = self._strings.encode("".join(system))
        return text[:-1] + self._after_text if self._after_text else text

    def _encode_later_turns(self, answer: str, text: str) -> bytes:
        """Return the rest of a body from the end of the prompt on, with two turns after it."""
        encode = self._strings.encode
        return b"".join(
            (
                b'},{"role":"assistant","content":',
                encode(answer),
                b'},{"role":"user","content":',
                encode(text),
                b"}]}",
            )
        )


class _Turn(msgspec.Struct):
    role: str
    content: str


class _Request(msgspec.Struct):
    messages: Annotated[list[_Turn], msgspec.Meta(min_length=1)]
    system: str | None = None


_decode_request = msgspec.json.Decoder(_Request).decode


def _encode_parameters(spec: CompletionSpec, parameters: Mapping[str, object]) -> bytes:
    try:
        # CompletionSpec accepts plain values and mappings only, so `dict` covers all others.
        return msgspec.json.encode(parameters, enc_hook=dict, order="deterministic")
    except ValueError as error:
        raise InvalidSpec(
            f"The parameters for {spec.model} cannot be sent as JSON: {error}"
        ) from None


def _mark_of_tools(
    spec: CompletionSpec, fields: Mapping[str, object], head: bytes
) -> HeadMark | None:
    """Return the mark of a head that ends with the tools; None without tools."""
    tools = fields.get("tools")
    if not isinstance(tools, (list, tuple)) or not tools:
        return None
    last = {**tools[-1], "cache_control": CACHE_CONTROL}
    return HeadMark(head, _encode_parameters(spec, {**fields, "tools": [*tools[:-1], last]})[:-1])


def decode_answer(
    answer: Answer, request: bytes = b"", *, wall_s: float | None = None
) -> Completion:
    """Return the completion in an answer, JSON or server-sent events. Any 2xx is an answer.

    Args:
        request, wall_s: as for `error_answers.error_of`.

    Raises:
        ApiError: the status is outside 2xx; `error_answers.error_of` chooses the class.
        WireViolation: a 2xx holds no completion. It may have been charged.

    No bytes make it raise anything else.
    """
    if not answer.is_success:
        raise with_role_refusal(error_of(answer, request, wall_s=wall_s), answer, request)
    payload: JsonObject = {}
    try:
        payload = read_body(answer)
        return read_completion(answer, payload)
    except Unreadable as error:
        reason = f"HTTP {answer.status}, but the answer cannot be used: {error.reason}"
        message, payload = error.message, error.payload or payload
    # Raised outside of `except`, so that the error's context does not refer to the answer's text.
    raise WireViolation(
        with_message(reason, quote_permitted_words(message, request)) + ".",
        in_full=with_message(reason, message) + ".",
        status=answer.status,
        request_id=answer.request_id,
        is_perhaps_billed=True,
        cost_nano_usd=reported_cost(answer, payload),
    )
