"""What becomes of a row after an exchange: kept, sent again, rejected, or the end of the run.

Here a verdict is carried out; it is found in `core.verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.completion import Reason, accepted, rejected
from airflow_provider_aimlapi.core.journal import answered, rejection, unread
from airflow_provider_aimlapi.core.report import format_duration
from airflow_provider_aimlapi.core.verdict import Verdict, judge
from airflow_provider_aimlapi.engine.refused_rows import RefusedRows
from airflow_provider_aimlapi.engine.retry import retry_delay_s
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable, RequestRejected

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.completion import Answer, Completion
    from airflow_provider_aimlapi.engine.collector import Collector
    from airflow_provider_aimlapi.engine.ending import Ending
    from airflow_provider_aimlapi.engine.feed import Feed, Row
    from airflow_provider_aimlapi.engine.limiter import Limiter
    from airflow_provider_aimlapi.engine.measured import Measured
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.errors import ApiError


@dataclass(slots=True, kw_only=True)
class Judging:
    """Sends each outcome to the collector, each row that may succeed later back to the feed.

    Attributes:
        refused: rows that were refused, until it is known whose refusal it is.
    """

    settings: Settings
    world: World
    collector: Collector
    feed: Feed
    limiter: Limiter
    ending: Ending
    measured: Measured
    refused: RefusedRows = field(init=False)

    def __post_init__(self) -> None:
        self.refused = self.feed.held = RefusedRows(
            settings=self.settings,
            world=self.world,
            collector=self.collector,
            feed=self.feed,
            limiter=self.limiter,
            ending=self.ending,
            reject=self._reject,
        )

    def answered(self, row: Row, answer: Answer, completion: Completion) -> None:
        """Keep a completion, and the answer that it was read from."""
        now_us = self.world.clock.wall_us()
        outcome = accepted(
            completion,
            row=row.row,
            attempts=row.attempts,
            request_hash=row.request_hash,
            completed_at_us=now_us,
            unread_cost_nano_usd=row.unread_cost_nano_usd,
        )
        record = answered(
            answer,
            row=row.row,
            attempts=row.attempts,
            request_hash=row.request_hash,
            completed_at_us=now_us,
            unread_cost_nano_usd=row.unread_cost_nano_usd,
        )
        row.unread = None
        self.collector.add(row.part, outcome, record)
        self.refused.answered(row)

    def failed(self, row: Row, error: ApiError) -> None:
        """Let the row wait and go again, reject it, or end the run."""
        self.keep_unread(row, error)
        self.measured.failed(error)
        verdict = judge(
            error,
            attempts=row.attempts,
            max_attempts=self.settings.max_attempts,
            violations=row.violations,
            rejections=row.rejections,
        )
        if isinstance(error, AccessRefused) and verdict is Verdict.DOUBT:
            self._doubt(row, error)
        elif verdict is Verdict.REJECT and not self._is_outage(row, error):
            self._reject(row, error)
        elif verdict in (Verdict.REJECT, Verdict.HALT):
            self.ending.halt(error)
        elif self._is_stalled(error):
            self.ending.halt(self._stalled(error))
        else:
            if isinstance(error, RequestRejected):
                self.collector.doubt(str(error), error.status)
            delay_s = retry_delay_s(error, failures=row.exchanges, random=self.world.random)
            self.feed.put_back(row, delay_s)

    def _doubt(self, row: Row, error: AccessRefused) -> None:
        if self._is_look():
            self.refused.end_at_once(row, error)
        else:
            self.refused.refused(row, error)

    def keep_unread(self, row: Row, error: ApiError) -> None:
        """Journal an answer that could not be read: its cost counts, and it may be read one day."""
        if row.unread is not None:
            record = unread(
                row.unread,
                Reason(str(error), error.in_full),
                row=row.row,
                attempts=row.attempts,
                request_hash=row.request_hash,
                completed_at_us=self.world.clock.wall_us(),
            )
            self.collector.journal(row.part, record)
            row.unread = None

    def _is_outage(self, row: Row, error: ApiError) -> bool:
        """Whether nothing at all was answered since this row was first sent.

        Then the row is not to blame, and it would be wrong to publish it as rejected.
        """
        return (
            not isinstance(error, RequestRejected) and self.limiter.accepted == row.accepted_before
        )

    def _is_stalled(self, error: ApiError) -> bool:
        """Whether nothing succeeds any more: for too long, or already the call that was to look."""
        if isinstance(error, RequestRejected):  # an answer, and about this row alone
            return False
        if self.limiter.idle_s() > self.settings.stall_timeout_s:
            return True
        return self._is_look() and isinstance(error, ApiUnavailable)

    def _is_look(self) -> bool:
        """Whether calls are made to find out if the API takes any, and none was answered yet."""
        return self.settings.looks_first and self.limiter.accepted == 0

    def _stalled(self, error: ApiError) -> ApiUnavailable:
        """What ends the run, with what is known of the last failure."""
        return ApiUnavailable(
            f"No call succeeded for {format_duration(self.limiter.idle_s())}. The last answer: "
            f"{error} Everything paid for is kept; a retry of the task takes up from here.",
            status=error.status,
            request_id=error.request_id,
            retry_after_s=error.retry_after_s if isinstance(error, ApiUnavailable) else None,
        )

    def _reject(self, row: Row, error: ApiError) -> None:
        """Only what the API will never accept is journaled: the rest may succeed another day."""
        now_us = self.world.clock.wall_us()
        shown = error.refusal if isinstance(error, AccessRefused) else str(error)
        outcome = rejected(
            Reason(shown, error.in_full),
            row=row.row,
            attempts=row.attempts,
            request_hash=row.request_hash,
            completed_at_us=now_us,
            unread_cost_nano_usd=row.unread_cost_nano_usd,
        )
        is_final = isinstance(error, (RequestRejected, AccessRefused))
        record = rejection(outcome) if is_final else None
        self.collector.add(row.part, outcome, record, status=error.status)
