"""Act on the result of a call: keep the answer, send the row again, reject it, or end the run.

`core.verdicts.verdict` finds the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import (
    Reason,
    accepted_outcome,
    rejected_outcome,
)
from airflow_provider_aimlapi.core.durable.journal import (
    answer_record,
    checked_record,
    interim_record,
    rejection_record,
    settled_record,
    unread_record,
)
from airflow_provider_aimlapi.core.verdicts.opening import Opening, Refused
from airflow_provider_aimlapi.core.verdicts.verdict import Verdict, is_about_request, judge_error
from airflow_provider_aimlapi.engine.calls.failed_rows import FailedRows
from airflow_provider_aimlapi.engine.calls.refused_rows import RefusedRows
from airflow_provider_aimlapi.engine.calls.sender import Unjudged
from airflow_provider_aimlapi.engine.calls.typed.form_trial import PAUSE_S, REFUSED_FORM
from airflow_provider_aimlapi.engine.runtime.retry import retry_delay_s
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiUnavailable,
    RequestRejected,
    TooManyRejections,
    WireViolation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.arrival.first_answers import ArrivalCheck
    from airflow_provider_aimlapi.core.calls.completion import CallRecord, Completion, Outcome
    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.calls.typed.form_trial import FormTrial
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.follow_ups import FollowUps
    from airflow_provider_aimlapi.engine.row import FollowUp, Row
    from airflow_provider_aimlapi.engine.runtime.ending import Ending
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.errors import ApiError


@dataclass(slots=True, kw_only=True)
class Judge:
    """Gives each outcome to the collector, and each row that may succeed later back to the feed.

    Attributes:
        rows: the number of rows of the attempt.
        was_answered: whether an earlier attempt has received a completion.
        failing_before: the rows that failed in an earlier attempt and are not decided.
        follow_ups: decides whether a row is sent again because of its last answer.
        trial: finds out whether the API accepts the form of the requests.
        arrival: checks whether the first answers had the instructions.
        count_failure: called with each failed call's error.
        opening: judges the run's first rows.
        refused: holds refused rows until the cause is known.
        failures: decides about rows whose calls failed.
    """

    rows: int
    was_answered: bool
    failing_before: set[tuple[int, int]]
    follow_ups: FollowUps
    trial: FormTrial
    arrival: ArrivalCheck
    settings: Settings
    world: World
    collector: Collector
    feed: Feed
    limiter: Limiter
    ending: Ending
    count_failure: Callable[[ApiError], None]
    opening: Opening = field(init=False)
    refused: RefusedRows = field(init=False)
    failures: FailedRows = field(init=False)

    def __post_init__(self) -> None:
        self.opening = Opening(is_open=not self.was_answered)
        self.refused = self.feed.held = RefusedRows(
            settings=self.settings,
            world=self.world,
            collector=self.collector,
            feed=self.feed,
            limiter=self.limiter,
            ending=self.ending,
            reject=self._reject_refused,
        )
        self.failures = FailedRows(
            rows=self.rows,
            was_answered=self.was_answered,
            failing_before=self.failing_before,
            settings=self.settings,
            world=self.world,
            collector=self.collector,
            feed=self.feed,
            limiter=self.limiter,
            ending=self.ending,
            reject=self._reject_row,
            held=self.refused.__len__,
        )
        self.feed.lets_others_go = self.failures.lets_others_go
        self.feed.is_probing = self.failures.is_probing
        self.feed.is_silent = self.failures.is_silent
        self.feed.is_stuck = self.collector.is_stuck
        self.collector.duplicates.release = self.feed.release_row

    def keep_completion(self, row: Row, answer: Answer, completion: Completion) -> None:
        """Keep a completion, and the answer that it was parsed from."""
        call = row.call_record(self.world.clock.wall_us())
        # Read now, because `_journal_answer` may give the row its next request.
        body, is_first = row.body, row.follow_up is None
        try:
            outcome = self._journal_answer(row, answer, completion, call)
        except Exception as bug:
            raise Unjudged(answer) from bug
        if self.trial.is_open:
            self.trial.end_trial()
        self.failures.note_answer(row)
        self.refused.note_answer(row)
        if outcome is not None:
            self._count_in_opening(row, completion)
            self.collector.duplicates.decided(row, outcome)
        else:
            self.feed.put_back(row, 0.0)
        if is_first and self.arrival.is_open:
            self.arrival.note_answer(body, completion)
            self._end_if_dropped()

    def _journal_answer(
        self, row: Row, answer: Answer, completion: Completion, call: CallRecord
    ) -> Outcome | None:
        """Journal an answer. Return the row's outcome; None if the row has its next request."""
        # 1. The answer leads to another request: it is kept for its cost, and the row has no
        #    outcome yet.
        # 2. It answers the row's only request: the outcome is this completion.
        # 3. It answers a repeated one: the outcome adds up what all answers have cost.
        record = (
            checked_record(answer, completion, call, row.form)
            if row.form
            else answer_record(answer, call)
        )
        if self.follow_ups.is_due(row, completion):
            self.follow_ups.give_next_request(row, completion)
            self.collector.journal_record(row.part, interim_record(record))
            return None
        if row.follow_up is None:
            outcome = accepted_outcome(completion, call)
        else:
            outcome = row.follow_up.answers.with_later(completion).outcome_of_row(call)
        self.collector.keep_outcome(row.part, outcome, record)
        return outcome

    def judge_failure(self, row: Row, error: ApiError) -> None:
        """Send the row again later, reject it, or end the run."""
        if self.trial.is_open and self._is_about_form(row, error):
            self.count_failure(error)
        else:
            self._judge_failure(row, error)

    def _judge_failure(self, row: Row, error: ApiError) -> None:
        # A rejection or refusal concerns the row or the key, so it is no failure of the API. Other errors
        # are noted before the verdict, because it depends on the number of failures. Until the run is
        # answered, neither failures nor unreadable answers reject a row: an outage explains them.
        if isinstance(error, WireViolation):
            self.keep_unread(row, error.answer, Reason(str(error), error.in_full))
        self.count_failure(error)
        is_about_row = isinstance(error, (RequestRejected, AccessRefused))
        if not is_about_row:
            self.failures.note_failure(row, error)
        if isinstance(error, RequestRejected) and row.follow_up is None:
            self._count_in_opening(row, Refused(status=error.status, reason=str(error)))
        is_answered = self.failures.is_answered
        verdict = judge_error(
            error,
            attempts=row.failures if is_answered else 0,
            max_attempts=self.settings.max_attempts,
            violations=row.violations if is_answered else 0,
            rejections=row.rejections,
        )
        if isinstance(error, AccessRefused) and verdict is Verdict.DOUBT:
            self._doubt_refusal(row, error)
        elif verdict is Verdict.HALT:
            self.ending.end_admission(error)
        elif verdict is Verdict.REJECT:
            reason = Reason(str(error), error.in_full)
            is_final = is_about_request(error) or self.failures.is_outlasted(row)
            self._reject_row(row, reason, is_final=is_final)
        elif is_about_row:
            delay_s = retry_delay_s(error, failures=row.calls, random=self.world.random)
            self.feed.put_back(row, delay_s)
        else:
            self.failures.let_row_wait(row, error)

    def _is_about_form(self, row: Row, error: ApiError) -> bool:
        """Return whether a failure may concern the form of the requests. The row then waits."""
        # 1. An outage or a 429 shows nothing about the form, so the trial goes on.
        # 2. With any other answer but a 400, the API has read the form.
        # 3. A 400 may be about the form, so it does not count against the row yet.
        if isinstance(error, ApiUnavailable):
            return False
        if not isinstance(error, RequestRejected) or error.status != REFUSED_FORM:
            self.trial.end_trial()
            return False
        last = self.trial.note_refusal(row, error)
        if last is not None:
            self.ending.end_admission(last)
        self.feed.put_back(row, PAUSE_S)
        return True

    def may_send(self, row: Row) -> bool:
        """Return whether a row that was taken is sent now; see `FailedRows.may_send`."""
        return self.failures.may_send(row)

    def close_arrival(self) -> None:
        """Judge the first answers even if fewer came than the check wants."""
        self.arrival.judge_and_close()
        self._end_if_dropped()

    def _end_if_dropped(self) -> None:
        error = self.arrival.error_to_raise
        if error is not None:
            self.ending.end_admission(error)

    def _count_in_opening(self, row: Row, result: Completion | Refused) -> None:
        """Count a result in the run's opening, which may end the run."""
        why = self.opening.note_result(row.row_position, result)
        if why is not None:
            self.ending.end_admission(TooManyRejections(why))

    def _doubt_refusal(self, row: Row, error: AccessRefused) -> None:
        if self._is_probe():
            self.refused.end_at_once(row, error)
        else:
            self.refused.hold_refused(row, error)

    def keep_unread(self, row: Row, answer: Answer | None, reason: Reason) -> None:
        """Journal an answer that could not be parsed: its cost counts, and a later version may parse it."""
        if answer is not None:
            call = row.call_record(self.world.clock.wall_us())
            self.collector.journal_record(row.part, unread_record(answer, reason, call))

    def _is_probe(self) -> bool:
        """Return whether calls are made to find out if the API accepts any, and none was answered."""
        return self.settings.starts_with_probe and self.limiter.accepted == 0

    def _reject_refused(self, row: Row, error: AccessRefused, *, is_final: bool) -> None:
        self._reject_row(row, Reason(error.refusal, error.in_full), is_final=is_final)

    def _reject_row(self, row: Row, reason: Reason, *, is_final: bool) -> None:
        """End a row without a completion, or with the last one if it was sent again after one.

        Args:
            is_final: whether its duplicates are rejected as well. If not, the next one is sent.
        """
        if row.follow_up is not None:
            self.settle_with_last(row, row.follow_up)
            return
        self.failures.forget_row(row)
        outcome = rejected_outcome(reason, row.call_record(self.world.clock.wall_us()))
        self.collector.keep_outcome(row.part, outcome, rejection_record(outcome))
        self.collector.duplicates.decided(row, outcome, is_final=is_final)

    def settle_with_last(self, row: Row, follow_up: FollowUp) -> None:
        """End a row with its last answer, because no better one came."""
        self.failures.forget_row(row)
        call = row.call_record(self.world.clock.wall_us())
        outcome = follow_up.answers.outcome_of_row(call)
        self.collector.keep_outcome(row.part, outcome, settled_record(call))
        self.collector.duplicates.decided(row, outcome)
        self._count_in_opening(row, follow_up.answers.last)
