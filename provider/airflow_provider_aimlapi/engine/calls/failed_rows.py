"""Decide when failed rows are sent again, and when they are rejected.

A call has failed if no answer came, or none that concerns its row: 5xx, a time-out, nonsense.

A failure counts against its row if a call of another row, sent later, was answered after it, and the
last answer before it was not long ago. So a failed row lets new rows go first. `max_attempts` failures
that count reject it, over all attempts of the run.

When only rows are left that fail, nothing counts. The run's first attempt ends as unavailable after
`stall_timeout_s`. A later one goes on until no outage can explain it, asks each row once more, and rejects
them: if the run was ever answered, and if no more rows are left than may be rejected, or failed before.

At most three answers that cannot be read are bought. If they report no cost they may be a proxy's
pages, so the third is bought only once another row was answered, or an outage would be over.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.calls.completion import Reason
from airflow_provider_aimlapi.core.durable.journal import Record
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.core.verdicts.failures import (
    GAP_S,
    OUTAGE_S,
    PAUSE_S,
    SEPARATE_S,
    Silence,
    failing_since_us,
    outlasts_outage,
)
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from airflow_provider_aimlapi.engine.runtime.retry import retry_delay_s
from airflow_provider_aimlapi.errors import ApiUnavailable, Throttled, WireViolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.ending import Ending
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.errors import AccessRefused, ApiError

NEWS_S = 0.25
NEWS_S_MAX = 5.0
"""How long, in steps of `NEWS_S`, a failed row waits for calls in flight that were sent later. With ten
times as much, a failure that passes would hold up the end of a run."""
REST_S = 5.0
"""Between two checks of a row that must not be sent yet. Its time is over within minutes, not seconds."""
BILLED_PAUSE_S = 300.0
"""A row that used up `max_attempts` while nothing was answered waits this long if each call may have
been billed, else `PAUSE_S`. With a tenth of it, a row that breaks each connection would be paid for all
day."""


class Reject(Protocol):
    """Ends a row without a completion."""

    def __call__(self, row: Row, reason: Reason, *, is_final: bool) -> None:
        """Reject a row.

        Args:
            is_final: whether its duplicates are rejected with it.
        """
        ...


@dataclass(slots=True, kw_only=True)
class FailedRows:
    """The failed rows of an attempt.

    Attributes:
        rows: the number of rows of the attempt, decided ones included.
        was_answered: whether an earlier attempt has received a completion.
        failing_before: the rows that failed in an earlier attempt and are not decided.
        reject: ends a row without a completion.
        held: returns the number of rows that wait because they were refused.
    """

    rows: int
    was_answered: bool
    failing_before: set[tuple[int, int]]
    settings: Settings
    world: World
    collector: Collector
    feed: Feed
    limiter: Limiter
    ending: Ending
    reject: Reject
    held: Callable[[], int]
    _silence: Silence = field(default_factory=Silence)  # since the last answer to any row
    _abandoned: set[tuple[int, int]] = field(
        default_factory=set
    )  # failed for longer than an outage
    _spent: set[tuple[int, int]] = field(default_factory=set)  # no more answers may be bought
    _is_later: bool = field(init=False)  # an earlier attempt has sent rows
    _answered_us: int = field(init=False)  # the last completion
    _failed_us: int = field(init=False)  # the last failure
    _trouble_us: int = field(init=False)  # failures after it may have one cause
    _gap_until_s: float = -inf  # failures of calls sent before do not count

    def __post_init__(self) -> None:
        self._is_later = self.was_answered or bool(self.failing_before)
        self._answered_us = self._failed_us = self.world.clock.wall_us()
        self._trouble_us = self._failed_us - round(SEPARATE_S * 1e6)

    @property
    def is_answered(self) -> bool:
        """Return whether this run has ever received a completion, or taken one of an earlier run."""
        is_known = self.was_answered or self.collector.counts.reused_answers > 0
        return is_known or self.limiter.accepted > 0

    def note_failure(self, row: Row, error: ApiError) -> None:
        """Note a failed call: as silence, and for a later decision if it counts against its row."""
        self._silence.note_failure(sent_s=row.sent_s, now_s=self.world.clock.now_s())
        if isinstance(error, Throttled):
            return
        now_us = self.world.clock.wall_us()
        # The last failure was long ago, so this one begins a new disturbance.
        if now_us - self._failed_us > SEPARATE_S * 1e6:
            self._trouble_us = now_us - 1
        row.failing_since_us = failing_since_us(
            row.failing_since_us, row.failed_at_us, now_us, trouble_us=self._trouble_us
        )
        row.failed_at_us = self._failed_us = now_us
        row.reason = Reason(str(error), error.in_full)
        is_billed = isinstance(error, WireViolation) and error.cost_nano_usd is not None
        row.is_undecided = not is_billed
        row.failures += is_billed  # no outage sends bills
        self._journal_failures(row)

    def let_row_wait(self, row: Row, error: ApiError) -> None:
        """Let a row wait, and perhaps abandon it, send all rows, or end the run."""
        # A call that fails while the attempt decides abandons its row, once no outage explains it. Then,
        # or after an outage, all rows are sent. Otherwise the run ends: at once if this was the call
        # that probes, or once the calls in flight have returned if nothing was answered for long.
        is_deciding = self._is_deciding()
        if is_deciding and self._is_over(row) and not isinstance(error, Throttled):
            self._abandoned.add(row.row_position)
        if is_deciding and (self._abandoned or self._silence.length_s >= OUTAGE_S):
            self._send_all()
        elif self._is_probe(row, error):
            self._end_as_stalled(error)
        elif not is_deciding and self._is_long():
            self._end_unless_in_flight(error)
        delay_s = self._delay_s(row, error)
        self._silence.note_wait(delay_s)
        self.feed.put_back(row, delay_s)

    def may_send(self, row: Row) -> bool:
        """Return whether a row that was taken is sent now; if not, it was rejected or waits again."""
        # Cases, in this order:
        # 1. It never failed: it is sent.
        # 2. Its failures that count are used up, or it is abandoned like all rows left: rejected.
        # 3. No more answers that cannot be read may be bought: rejected, or it waits for the end.
        # 4. It is abandoned, or its last answer may not be bought yet: it waits.
        # 5. A call in flight may show in a moment if its failure counts: it waits for that.
        # 6. Otherwise it is sent.
        if row.reason is None:
            return True
        self._count_if_up(row)
        is_used_up = self.is_answered and row.failures >= self.settings.max_attempts
        is_abandoned = self._is_abandoned(row)
        if is_used_up or is_abandoned:
            # Its duplicates would only fail as well, if nothing but rows that fail is left.
            self.reject(row, row.reason, is_final=is_abandoned)
        elif row.violations >= WIRE_VIOLATIONS_MAX:
            self._decide_spent(row, row.reason)
        elif row.row_position in self._abandoned or not self._may_buy_again(row):
            self._let_rest(row, row.reason)
        elif self._is_news_due(row):
            self.feed.put_back(row, NEWS_S)
        else:
            return True
        return False

    def note_answer(self, row: Row) -> None:
        """Note that a call was answered with a completion."""
        self.failing_before.discard(row.row_position)
        now_us = self.world.clock.wall_us()
        if (
            self._is_later and self.limiter.accepted == 1
        ) or now_us - self._answered_us >= GAP_S * 1e6:
            self._gap_until_s = self.world.clock.now_s()
        self._answered_us = self._trouble_us = now_us
        self._silence.end_silence()
        self._abandoned.clear()

    def forget_row(self, row: Row) -> None:
        """Note that a row was rejected, for whatever reason."""
        self.failing_before.discard(row.row_position)
        self._abandoned.discard(row.row_position)
        self._spent.discard(row.row_position)

    def lets_others_go(self, row: Row) -> bool:
        """Return whether another row should go first, because its answer shows what counts."""
        return row.is_undecided and not self._is_up_since(row)

    def is_silent(self) -> bool:
        """Return whether calls fail, one after another, and none is answered."""
        return self._silence.is_noticed

    def is_probing(self) -> bool:
        """Return whether nothing is answered, so that one call at a time is made."""
        return not self.limiter.window.gate.is_open

    # What counts.

    def _is_up_since(self, row: Row) -> bool:
        """Return whether another row was sent after the row's failed call, and answered after it."""
        is_later = self.limiter.newest_answered > row.number
        return is_later and self._answered_us > row.failed_at_us

    def _is_news_due(self, row: Row) -> bool:
        """Return whether a call in flight may show in a moment if the row's failure counts."""
        is_recent = self.world.clock.wall_us() - row.failed_at_us < NEWS_S_MAX * 1e6
        is_later = self.limiter.in_flight > 0 and self.limiter.requests > row.number
        return is_recent and is_later and self.lets_others_go(row) and not self.is_probing()

    def _count_if_up(self, row: Row) -> None:
        """Count a failure that no outage explains: others were answered shortly before and after."""
        if not (row.is_undecided and self._is_up_since(row)):
            return
        row.is_undecided = False
        if row.sent_s > self._gap_until_s:
            row.failures += 1
            self._journal_failures(row)

    def _journal_failures(self, row: Row) -> None:
        """Journal the row's failures, for the attempts after this one."""
        self.collector.note_failed(row.part, failure_record(row))

    # Answers that could not be read.

    def _may_buy_again(self, row: Row) -> bool:
        """Return whether an answer to the row may be bought now: the last one may have to wait."""
        is_last = row.violations == WIRE_VIOLATIONS_MAX - 1 and row.without_cost > 0
        return not is_last or self._is_up_since(row) or self.is_outlasted(row)

    def is_outlasted(self, row: Row) -> bool:
        """Return whether the row has failed for longer than an outage, and no other row was answered.

        Its duplicates would only fail for as long, one after another.
        """
        since_us = row.failing_since_us or row.failed_at_us
        return since_us > 0 and outlasts_outage(since_us, self.world.clock.wall_us())

    def _decide_spent(self, row: Row, reason: Reason) -> None:
        """Reject a row of which no more answers may be bought, if this run was ever answered."""
        if self.is_answered:
            self.reject(row, reason, is_final=self.is_outlasted(row))
            return
        self._spent.add(row.row_position)
        if self._rows_left() <= len(self._spent):
            self.ending.end_admission(
                ApiUnavailable(
                    f"Clear the task with retry_rejected=True to send it again: "
                    f"{WIRE_VIOLATIONS_MAX} answers to a row could not be read, and no other row was "
                    f"answered. No more are bought. The last one: {reason.shown}"
                )
            )
        self._let_rest(row, reason)

    def _let_rest(self, row: Row, reason: Reason) -> None:
        """Let a row wait that may not be sent yet, and end the run if no other row is sent either."""
        # A call in flight may still show that the API answers. Only without one does time count as
        # silence.
        if not self.limiter.in_flight:
            self._silence.note_rest(self.world.clock.now_s())
            if self._is_long() and not self._is_deciding():
                self.ending.end_admission(self._stalled_error(reason.shown))
        self.feed.put_back(row, REST_S)

    # When only rows are left that fail.

    def _rows_left(self) -> int:
        """Return the undecided rows that are sent: those that wait for another one are not."""
        waiting = self.held() + self.collector.duplicates.waiting
        return self.rows - self.collector.rows_done - waiting

    def _is_deciding(self) -> bool:
        """Return whether this attempt continues until no outage explains the failures."""
        # 1. A first attempt has seen each row fail in one stretch of time only, so it leaves the
        #    decision.
        # 2. If no row was ever answered, the set-up may be wrong, and no row may be rejected for
        #    that.
        # 3. If many rows are left, an outage is more likely than so many bad rows. Duplicates may be
        #    rejected with their original, so they count as well.
        left = self._rows_left()
        may_reject = left + self.collector.duplicates.waiting <= self.collector.rejections_left
        can_decide = self._is_later and self.is_answered
        is_few = may_reject or left <= len(self.failing_before)
        return can_decide and is_few and self._is_in_time()

    def _is_in_time(self) -> bool:
        """Return whether the silence is shorter than two outages and two calls of each row."""
        round_s = (
            self.settings.request_timeout_s * self._rows_left() / self.settings.max_concurrency
        )
        return self._silence.length_s < 2 * (OUTAGE_S + round_s)

    def _is_long(self) -> bool:
        return self._silence.is_stall(self.settings.stall_timeout_s)

    def _is_over(self, row: Row) -> bool:
        """Return whether an outage since the row's first failure would be over at its last.

        The attempt itself must have seen enough silence, unless it only probes.
        """
        clock = self.world.clock
        sent_us = clock.wall_us() - (clock.now_s() - row.sent_s) * 1e6
        is_ripe = self._is_long() or self.settings.starts_with_probe
        return is_ripe and outlasts_outage(row.failing_since_us, sent_us)

    def _send_all(self) -> None:
        """Send all rows that are left, although nothing is answered."""
        self.limiter.admit_all()
        self.feed.waiting_max = sys.maxsize

    def _is_abandoned(self, row: Row) -> bool:
        return row.row_position in self._abandoned and self._rows_left() <= len(self._abandoned)

    # The end.

    def _is_probe(self, row: Row, error: ApiError) -> bool:
        """Return whether this call was to find out if the API accepts calls.

        A row that failed before shows nothing until it is known whether it is one of the last.
        """
        is_first = self.settings.starts_with_probe and not self.limiter.accepted
        has_more_to_read = row.was_failing and not (self.feed.is_read or self.feed.is_stuck())
        return is_first and isinstance(error, ApiUnavailable) and not has_more_to_read

    def _end_unless_in_flight(self, error: ApiError) -> None:
        """End the run once all calls in flight have returned; send no new one meanwhile."""
        if self.limiter.in_flight:
            self.limiter.probe_until_answered()
        else:
            self._end_as_stalled(error)

    def _end_as_stalled(self, error: ApiError) -> None:
        stalled = self._stalled_error(str(error))
        stalled.status, stalled.request_id = error.status, error.request_id
        stalled.retry_after_s = error.retry_after_s if isinstance(error, ApiUnavailable) else None
        self.ending.end_admission(stalled)

    def _stalled_error(self, last: str) -> ApiUnavailable:
        return ApiUnavailable(
            f"A retry of the task continues from here. Everything paid for is kept. Calls failed for "
            f"{format_duration(self._silence.length_s)}, and none was answered. The last answer: {last}"
        )

    def _delay_s(self, row: Row, error: ApiError) -> float:
        """Return how long the row waits: longer if it failed before, or may have been billed."""
        # `calls` counts this attempt's calls only. A row that failed in an earlier one is past its
        # first pauses.
        tries = row.calls + (self.settings.max_attempts if row.was_failing else 0)
        failures = (
            self.limiter.noise.failures_that_count(tries) if isinstance(error, Throttled) else tries
        )
        delay_s = retry_delay_s(error, failures=failures, random=self.world.random)
        # Only rows are left that fail, so one more call soon would cost money and show nothing
        # new.
        if self._abandoned:
            return max(delay_s, BILLED_PAUSE_S)
        if not row.is_undecided or tries <= self.settings.max_attempts:
            return delay_s
        return max(delay_s, BILLED_PAUSE_S if error.is_perhaps_billed else PAUSE_S)


def failure_record(row: Row, refusal: AccessRefused | None = None) -> Record:
    """Return what later attempts should know of a row that is not decided.

    Args:
        refusal: the refusal that was left undecided, if any.
    """
    reason = row.reason or Reason("", "")
    if refusal is not None:
        reason = Reason(refusal.refusal, refusal.in_full)
    return Record(
        kind="failed",
        row=row.row,
        request_hash=row.request_hash,
        attempts=row.failures,
        completed_at_us=row.failed_at_us,
        failing_since_us=row.failing_since_us,
        status=(refusal.status or 0) if refusal is not None else 0,
        reason=reason.shown,
        in_full=reason.in_full,
    )
