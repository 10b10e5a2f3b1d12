"""The answers that earlier attempts journaled for rows that were to be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.answers.answer_text import with_answer_text
from airflow_provider_aimlapi.core.answers.faults import Valid
from airflow_provider_aimlapi.core.answers.typed_completions import (
    as_typed_answer,
    as_untyped_answer,
)
from airflow_provider_aimlapi.core.calls.completion import Reason, as_invalid_answer
from airflow_provider_aimlapi.core.calls.several_answers import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.engine.follow_ups import FollowUps
    from airflow_provider_aimlapi.engine.row import Row


class InterimAnswer(NamedTuple):
    """An answer after which its row was to be sent again.

    Attributes:
        completion: the answer.
        attempts: the row's calls so far.
        request_hash: of the row's first request.
    """

    completion: Completion
    attempts: int
    request_hash: str


def read_completion(record: Record) -> Completion:
    """Return the answer in a record, as its columns hold it.

    Raises:
        ApiError: it cannot be parsed.
    """
    completion = decode_answer(record.received_answer())
    if not record.form:
        return completion
    # It was checked when it came: a schema's class may accept something else today.
    completion = with_answer_text(completion)
    if record.text is not None:
        return as_typed_answer(completion, Valid(record.text))
    if record.reason is not None:
        return as_invalid_answer(completion, Reason(record.reason, record.in_full or ""))
    return as_untyped_answer(completion)


def interim_answer(record: Record, completion: Completion, *, has_texts: bool) -> InterimAnswer:
    """Return the answer of a record; without its text if only the cost is needed."""
    if not has_texts:
        completion = msgspec.structs.replace(completion, text=None, raw=None, tool_calls=())
    return InterimAnswer(completion, record.attempts, record.request_hash)


def join_answers(
    interim: Sequence[InterimAnswer], last: Completion | None = None
) -> Answers | None:
    """Return the interim answers to a row and its last one with their sums; None for no answer."""
    completions = [one.completion for one in interim]
    if last is not None:
        completions.append(last)
    answers: Answers | None = None
    for completion in completions:
        answers = Answers(completion) if answers is None else answers.with_later(completion)
    return answers


def continue_row(row: Row, interim: Sequence[InterimAnswer], follow_ups: FollowUps) -> None:
    """Give a row the request that comes after its interim answers."""
    for one in interim:
        # The answer to another request is no basis for a repair. Its cost was paid, and stays
        # counted.
        if one.request_hash == row.request_hash:
            row.attempts = one.attempts
            follow_ups.give_next_request(row, one.completion)
