"""What came back for a row: the answer as received, the completion read from it, the outcome.

Values only: reading an answer happens in `api.messages.wire`. Of each there are as many as rows: msgspec's
structs are made several times faster than frozen dataclasses, and the garbage collector, which
would walk all of them again and again, need not know them: nothing in them can refer back.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import msgspec

Status = Literal["ok", "truncated", "refused", "rejected", "skipped"]
CompletionStatus = Literal["ok", "truncated", "refused"]
STATUSES: tuple[Status, ...] = get_args(Status)
COMPLETION_STATUSES: tuple[CompletionStatus, ...] = get_args(CompletionStatus)
ERROR_CHARACTERS_MAX = 500


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call of a tool that the model asks for.

    Attributes:
        call_id: the API's id of the call.
        name: the tool's name.
        arguments_json: the arguments as the model wrote them, which need not be valid JSON.
        is_valid_json: whether they are.
    """

    call_id: str
    name: str
    arguments_json: str
    is_valid_json: bool


class Completion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An accepted answer.

    Attributes:
        text: the model's text; None when it gave none.
        status: `truncated` when max_tokens cut it, `refused` when the model declined.
        error: why, for anything but `ok`; also set when an `ok` answer holds no text.
        finish_reason: the API's own word, in either of its two vocabularies.
        model: the model that answered, as the API names it (not the id that was asked for).
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, cache_write_tokens: None
            when the API does not report them.
        cost_nano_usd: what the API says it charged; None when it does not say.
        inference_id: the API's id of the charge.
        tool_calls: the tools that the model asks to be called.
    """

    text: str | None
    status: CompletionStatus
    error: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_nano_usd: int | None = None
    inference_id: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


class Reason(NamedTuple):
    """Why a row has no completion.

    Attributes:
        shown: what logs and errors may say: it holds nothing of the row.
        in_full: what the row's own record says: it may hold the API's words.
    """

    shown: str
    in_full: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The final word on one row, as it will stand in the output.

    Attributes:
        row: index within the shard, from 0.
        status: one of STATUSES.
        attempts: exchanges used, without those answered 429; 0 for a skipped row.
        request_hash: hex sha256 of the exact request body; None for a skipped row.
        completed_at_us: microseconds since 1970, UTC; None for a skipped row.
        reason: of a rejected row, what the run's own error may say of it; "" where that is not
            known. It is no part of the output.
        partial_cost_nano_usd: where the cost is unknown, what is known of it: what unreadable
            answers to the row said. It is in the sum of its part, which says that one is missing.
        The others: as in Completion.
    """

    row: int
    status: Status
    text: str | None = None
    error: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_nano_usd: int | None = None
    partial_cost_nano_usd: int = 0
    attempts: int = 0
    inference_id: str | None = None
    request_hash: str | None = None
    completed_at_us: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    reason: str = ""

    @property
    def is_without_cost(self) -> bool:
        """Whether it was answered, and the API did not say what that cost."""
        return self.cost_nano_usd is None and self.status in COMPLETION_STATUSES


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What outcome and journal record hold of a row's calls, whatever the last of them brought.

    Attributes:
        row: index within the shard, from 0.
        attempts: calls made, without those answered 429; 0 for a row that was not sent.
        request_hash: hex sha256 of the exact request body; None for a row without one.
        completed_at_us: microseconds since 1970, UTC.
        unread_cost_nano_usd: the sum of the costs that unreadable answers to the row reported.
    """

    row: int
    attempts: int
    request_hash: str | None
    completed_at_us: int
    unread_cost_nano_usd: int = 0


def accepted(completion: Completion, call: CallRecord) -> Outcome:
    """The outcome of a row whose answer was accepted."""
    cost = completion.cost_nano_usd
    return Outcome(
        row=call.row,
        status=completion.status,
        text=completion.text,
        error=completion.error,
        finish_reason=completion.finish_reason,
        model=completion.model,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        cached_tokens=completion.cached_tokens,
        cost_nano_usd=None if cost is None else cost + call.unread_cost_nano_usd,
        partial_cost_nano_usd=call.unread_cost_nano_usd if cost is None else 0,
        attempts=call.attempts,
        inference_id=completion.inference_id,
        request_hash=call.request_hash,
        completed_at_us=call.completed_at_us,
        reasoning_tokens=completion.reasoning_tokens,
        cache_write_tokens=completion.cache_write_tokens,
    )


def rejected(reason: Reason, call: CallRecord) -> Outcome:
    """The outcome of a row that can get no completion; the reason is cut to a readable length."""
    return Outcome(
        row=call.row,
        status="rejected",
        error=reason.in_full[:ERROR_CHARACTERS_MAX],
        reason=reason.shown[:ERROR_CHARACTERS_MAX],
        cost_nano_usd=call.unread_cost_nano_usd or None,
        attempts=call.attempts,
        request_hash=call.request_hash,
        completed_at_us=call.completed_at_us,
    )


def skipped(reason: str, *, row: int) -> Outcome:
    """The outcome of a row that was never asked, because a column of its prompt is null."""
    return Outcome(row=row, status="skipped", error=reason)
