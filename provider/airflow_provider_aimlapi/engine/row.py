"""A row that is ready to be sent: its request, and what its calls have shown so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import CallRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.calls.answer_form import FormName
    from airflow_provider_aimlapi.core.calls.completion import Reason
    from airflow_provider_aimlapi.core.calls.several_answers import Answers


class FollowUp(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """Why a row that was answered is sent again; see `engine.follow_ups`.

    Attributes:
        first_body: the row's first request.
        answers: the answers so far. They are the row's result if no better one comes.
        is_raised: whether the request has twice `max_tokens`.
        repairs: how often an invalid answer was sent back.
    """

    first_body: bytes
    answers: Answers
    is_raised: bool = False
    repairs: int = 0


class Row(msgspec.Struct, kw_only=True, gc=False):
    """An input row with its request, and the history of its calls.

    Attributes:
        part: the row's shard.
        row: its index in the shard.
        body: the exact request that is sent next.
        request_hash: hex sha256 of the first request.
        calls: the number of its calls in this attempt.
        attempts: the calls without those answered 429, as the output reports them.
        number: the number of its last call among the calls of all rows.
        sent_s: when the last call was sent.
        rejections: answers that reject the request.
        refusals: refusals that concern this row alone.
        violations: answers that could not be read, over all attempts.
        without_cost: those of them that reported no cost.
        unread_cost_nano_usd: the sum of the costs that the others reported.
        failures: failed calls that count against the row, over all attempts.
        is_undecided: whether it is not known yet if the last failure counts.
        reason: the reason of the last failure; None while there was none.
        failing_since_us: the first of its failures since the last answer to any row.
        failed_at_us: the last of its failures.
        was_refused: whether an earlier attempt left a refusal of it undecided.
        was_failing: whether a call of it failed in an earlier attempt.
        cells: the texts that the answer may quote, by column; None if it quotes none.
        form: the form of its requests; "" without a schema.
        follow_up: why it is sent again after an answer; None before it has one.
        is_marked: whether its last call had a cache mark.
        is_mark_refused: whether the API refused it with a mark, so that it is sent without one.
        duplicates: the rows that wait for its outcome; None for none.
    """

    part: int
    row: int
    body: bytes
    request_hash: str
    calls: int = 0
    attempts: int = 0
    number: int = 0
    sent_s: float = 0.0
    rejections: int = 0
    refusals: int = 0
    violations: int = 0
    without_cost: int = 0
    unread_cost_nano_usd: int = 0
    failures: int = 0
    is_undecided: bool = False
    reason: Reason | None = None
    failing_since_us: int = 0
    failed_at_us: int = 0
    was_refused: bool = False
    was_failing: bool = False
    cells: Mapping[str, str] | None = None
    form: FormName = ""
    follow_up: FollowUp | None = None
    is_marked: bool = False
    is_mark_refused: bool = False
    duplicates: list[Row] | None = None

    @property
    def row_position(self) -> tuple[int, int]:
        """Return the row position: part and row within it."""
        return self.part, self.row

    def call_record(self, completed_at_us: int) -> CallRecord:
        """Return what outcome and journal hold of the calls so far."""
        return CallRecord(
            row=self.row,
            attempts=self.attempts,
            request_hash=self.request_hash,
            completed_at_us=completed_at_us,
            unread_cost_nano_usd=self.unread_cost_nano_usd,
            repairs=self.follow_up.repairs if self.follow_up is not None else 0,
        )
