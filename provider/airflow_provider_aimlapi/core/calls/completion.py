"""The results of a row: the completion read from an answer, and the outcome. Values only.

`api.messages.wire` reads answers. There are as many of these values as rows. msgspec makes its structs
several times faster than frozen dataclasses. The garbage collector need not visit them, because
they hold no reference to their owner.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import msgspec

Status = Literal["ok", "truncated", "refused", "invalid", "rejected", "skipped"]
CompletionStatus = Literal["ok", "truncated", "refused", "invalid"]
STATUSES: tuple[Status, ...] = get_args(Status)
COMPLETION_STATUSES: tuple[CompletionStatus, ...] = get_args(CompletionStatus)
RESENT_STATUSES = frozenset({"rejected", "invalid"})
"""Rows that `retry_rejected` sends again, and that count against `max_rejected_rows`."""
ERROR_CHARACTERS_MAX = 500


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tool call that the model requests.

    Attributes:
        call_id: the API's id of the call.
        name: the tool's name.
        arguments_json: the arguments as the model wrote them, which need not be valid JSON.
        is_valid_json: whether the arguments are valid JSON.
    """

    call_id: str
    name: str
    arguments_json: str
    is_valid_json: bool


class Completion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An accepted answer.

    Attributes:
        text: the model's text; None for none.
        status: `truncated` if max_tokens cut it, `refused` if the model declined, `invalid` if it does
            not follow the schema.
        error: the reason for any status but `ok`; also set if an `ok` answer holds no text.
        finish_reason: the API's own word, in either of its two vocabularies.
        model: the model that answered, as the API names it. The request may have named an alias.
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, cache_write_tokens: None
            if the API did not report them.
        cost_nano_usd: the charge that the API reported; None if it did not.
        inference_id: the API's id of the charge.
        tool_calls: the tool calls that the model requests.
        raw: with a schema, the text of an answer that the columns cannot hold; `text` is then None.
        reason: what is wrong with such an answer, without any text of it.
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
    raw: str | None = None
    reason: str = ""


class Reason(NamedTuple):
    """The reason why a row has no completion.

    Attributes:
        shown: the text for logs and errors, which holds nothing of the row.
        in_full: the text for the row's own record, which may hold the API's words.
    """

    shown: str
    in_full: str


class Outcome(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """The final state of one row, as it is written to the output.

    Its encoded form is an array, because reading a part makes a million of them.

    Attributes:
        row: the index within the shard, from 0.
        status: one of STATUSES.
        attempts: the row's calls, without those answered 429; 0 for a skipped row.
        request_hash: hex sha256 of the exact request body; None for a skipped row.
        completed_at_us: microseconds since 1970, UTC; None for a skipped row.
        text: with a schema, the answer's JSON as `core.answers` writes it; None for an answer that does
            not follow the schema.
        raw: with a schema, the text of an answer that the columns cannot hold.
        repairs: the row's calls that repeated the request, because the answer did not follow the
            schema.
        reason: of a rejected or invalid row, the text for the run's own error; "" if not known. The
            output does not have it.
        partial_cost_nano_usd: if the cost is unknown, the part that unreadable answers to the row
            reported. The part's sum includes it, and counts the row as one without cost.
        reused_from: the key of the run that paid for the answer; None if this run did.
        same_as: of a duplicate, the row whose outcome it has: part and row, as "3:17". None for others.
        saved_nano_usd: of a reused answer or a duplicate, what was paid for the answer; None if that is
            not known.
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
    raw: str | None = None
    repairs: int = 0
    reused_from: str | None = None
    saved_nano_usd: int | None = None
    same_as: str | None = None
    reason: str = ""

    @property
    def is_duplicate(self) -> bool:
        """Whether the row has the answer to another row. A duplicate of a rejected row has none."""
        return self.same_as is not None and self.status in COMPLETION_STATUSES

    @property
    def is_without_cost(self) -> bool:
        """Whether the row was answered and the API did not report the charge."""
        return self.cost_nano_usd is None and self.status in COMPLETION_STATUSES


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The facts about a row's calls that its outcome and its journal record share.

    Attributes:
        row: index within the shard, from 0.
        attempts: calls made, without those answered 429; 0 for a row that was not sent.
        request_hash: hex sha256 of the exact request body; None for a row without one.
        completed_at_us: microseconds since 1970, UTC.
        unread_cost_nano_usd: the sum of the costs that unreadable answers to the row reported.
        repairs: as in Outcome.
    """

    row: int
    attempts: int
    request_hash: str | None
    completed_at_us: int
    unread_cost_nano_usd: int = 0
    repairs: int = 0


def accepted_outcome(completion: Completion, call: CallRecord) -> Outcome:
    """Return the outcome of a row whose answer was accepted."""
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
        raw=completion.raw,
        repairs=call.repairs,
        reason=completion.reason[:ERROR_CHARACTERS_MAX],
    )


def as_invalid_answer(completion: Completion, reason: Reason) -> Completion:
    """Return an answer as one that does not follow the schema. Its text is kept as `raw`."""
    return msgspec.structs.replace(
        completion,
        status="invalid",
        text=None,
        error=reason.in_full[:ERROR_CHARACTERS_MAX],
        raw=completion.text,
        reason=reason.shown,
    )


def rejected_outcome(reason: Reason, call: CallRecord) -> Outcome:
    """Return the outcome of a rejected row. The reason is cut to a readable length."""
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


def reused_outcome(
    earlier: Outcome, *, run_key: str, row: int, unread_cost_nano_usd: int = 0
) -> Outcome:
    """Return the outcome of a row that takes the answer of another run, without a call.

    An answer that was itself reused keeps naming the run that paid for it.

    Args:
        earlier: the outcome of the same request in the other run.
        run_key: the key of the other run.
        row: index within the shard, from 0.
        unread_cost_nano_usd: what earlier attempts of this run have paid for the row.
    """
    is_second = earlier.reused_from is not None
    return msgspec.structs.replace(
        earlier,
        row=row,
        cost_nano_usd=unread_cost_nano_usd,
        partial_cost_nano_usd=0,
        attempts=0,
        repairs=0,
        reused_from=earlier.reused_from or run_key,
        saved_nano_usd=earlier.saved_nano_usd if is_second else earlier.cost_nano_usd,
    )


def repeated(original: Outcome, *, part: int, row: int, unread_cost_nano_usd: int = 0) -> Outcome:
    """Return the outcome of a duplicate: a row that makes the same request as another row of the run.

    If another run has paid for the answer, the duplicate takes it from that run as well.

    Args:
        original: the outcome of the other row.
        part: the part of the other row.
        row: the duplicate's index within its shard, from 0.
        unread_cost_nano_usd: what earlier attempts have paid for the duplicate.
    """
    if original.reused_from is not None:
        return reused_outcome(
            original,
            run_key=original.reused_from,
            row=row,
            unread_cost_nano_usd=unread_cost_nano_usd,
        )
    return msgspec.structs.replace(
        original,
        row=row,
        cost_nano_usd=unread_cost_nano_usd,
        partial_cost_nano_usd=0,
        attempts=0,
        repairs=0,
        same_as=f"{part}:{original.row}",
        saved_nano_usd=original.cost_nano_usd,
    )


def skipped_outcome(reason: str, *, row: int) -> Outcome:
    """Return the outcome of a row that is not sent, because a column of its prompt is null."""
    return Outcome(row=row, status="skipped", error=reason)
