"""Read the counts of one attempt from the components that do the work, for the run page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_provider_aimlapi.core.reporting.measures import SeriesRecorder
from airflow_provider_aimlapi.core.reporting.run_progress import (
    Inherited,
    expected_cost_nano_usd,
    expected_left_s,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_progress import AttemptProgress, RunProgress
    from airflow_provider_aimlapi.engine.calls.live import LiveCalls
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


class AttemptCounts:
    """The counts of a running attempt."""

    def __init__(self, calls: LiveCalls, *, rows: int, clock: Clock) -> None:
        # Read before the first call. Later the budget contains this attempt's charges, too.
        self._inherited_nano_usd = calls.budget.charged_nano_usd
        self._rows = rows
        self._collector = calls.collector
        self._limiter = calls.limiter
        self._budget = calls.budget
        self._marks = calls.marks
        self._latencies = calls.latencies
        self._errors = calls.errors
        self._clock = clock
        self._started_s = clock.now_s()
        self._series = SeriesRecorder()  # the page's curves, from the attempt's start

    def inherited_counts(self) -> Inherited:
        """Return what earlier attempts had decided and paid, as far as this one has met their rows."""
        return Inherited(
            rows=self._collector.rows_reused,
            statuses=self._collector.counts_reused.rows_by_status(),
            cost_nano_usd=self._inherited_nano_usd,
        )

    def add_sample(self) -> None:
        """Add the present counts to the series."""
        self._series.add_sample(
            self._clock.now_s() - self._started_s,
            self._rows_decided,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permitted_calls,
            throttled=self._limiter.throttled,
            cost=self._paid_nano_usd,
        )

    def add_to(self, progress: RunProgress) -> RunProgress:
        """Return the progress with these counts."""
        collector, rows_per_s = self._collector, self._series.rows_per_s
        cost = self._budget.charged_nano_usd
        return replace(
            progress,
            rows_done=collector.rows_done,
            rows_reused=collector.rows_reused,
            reused_answers=collector.counts.reused_answers,
            duplicates=collector.counts.duplicates,
            saved_nano_usd=collector.counts.saved_nano_usd,
            statuses=collector.counts.rows_by_status(),
            repaired=collector.counts.repaired,
            prompt_tokens=collector.counts.prompt_tokens,
            completion_tokens=collector.counts.completion_tokens,
            cached_tokens=collector.counts.cached_tokens,
            cache_write_tokens=collector.counts.cache_write_tokens,
            cache_reads=collector.counts.cache_reads,
            cache_saved_nano_usd=self._marks.saved_nano_usd(
                collector.counts.cached_tokens, collector.counts.cache_write_tokens
            ),
            cost_nano_usd=cost,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permitted_calls,
            rows_per_s=round(rows_per_s, 2),
            requests=self._limiter.requests,
            throttled=self._limiter.throttled,
            expected_left_s=expected_left_s(self._rows, collector.rows_done, rows_per_s),
            expected_cost_nano_usd=expected_cost_nano_usd(cost, self._rows, collector.rows_done),
            bound_s={
                bound.value: round(seconds, 1)
                for bound, seconds in self._limiter.bound_times.seconds.items()
            },
            latency=self._latencies.summary_of_latencies(),
            series=self._series.series_so_far(),
            errors=self._errors.most_frequent_kinds(),
        )

    def add_to_attempt(self, attempt: AttemptProgress) -> AttemptProgress:
        """Return the attempt with these counts, without what earlier attempts decided and paid."""
        own = self._collector.counts.without_others(self._collector.counts_reused)
        return replace(
            attempt,
            rows=self._rows_decided,
            statuses=own.rows_by_status(),
            repaired=own.repaired,
            prompt_tokens=own.prompt_tokens,
            completion_tokens=own.completion_tokens,
            requests=self._limiter.requests,
            throttled=self._limiter.throttled,
            cost_nano_usd=self._paid_nano_usd,
        )

    @property
    def _rows_decided(self) -> int:
        return self._collector.rows_done - self._collector.rows_reused

    @property
    def _paid_nano_usd(self) -> int:
        return self._budget.charged_nano_usd - self._inherited_nano_usd
