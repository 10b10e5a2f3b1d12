"""What one attempt counts of itself, read from the parts that do the work. Changes none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_provider_aimlapi.core.reporting.measures import (
    ErrorCounts,
    LatencyCounts,
    SeriesRecorder,
)
from airflow_provider_aimlapi.core.reporting.run_progress import (
    expected_cost_nano_usd,
    expected_left_s,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.core.reporting.run_progress import AttemptProgress, RunProgress
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.errors import ApiError


class Measured:
    """The counts of a running attempt.

    Attributes:
        latencies: of answered calls. errors: of failed ones.
        inherited_nano_usd: what earlier attempts had paid when this one began.
    """

    def __init__(
        self, *, rows: int, collector: Collector, limiter: Limiter, budget: Budget, clock: Clock
    ) -> None:
        self.latencies = LatencyCounts()
        self.errors = ErrorCounts()
        self.inherited_nano_usd = budget.charged_nano_usd
        self._rows = rows
        self._collector = collector
        self._limiter = limiter
        self._budget = budget
        self._clock = clock
        self._started_s = clock.now_s()
        self._series = SeriesRecorder()

    def failed(self, error: ApiError) -> None:
        """Count a failed exchange."""
        self.errors.add(type(error).__name__, error.status, str(error))

    def sample(self) -> None:
        """Take the instant into the series."""
        self._series.add(
            self._clock.now_s() - self._started_s,
            self._decided,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permits,
            throttled=self._limiter.throttled,
            cost=self._paid_nano_usd,
        )

    def told(self, progress: RunProgress) -> RunProgress:
        """The progress with these counts."""
        collector, rows_per_s = self._collector, self._series.rows_per_s
        cost = self._budget.charged_nano_usd
        return replace(
            progress,
            rows_done=collector.rows_done,
            rows_reused=collector.rows_reused,
            statuses=collector.counts.statuses(),
            prompt_tokens=collector.counts.prompt_tokens,
            completion_tokens=collector.counts.completion_tokens,
            cost_nano_usd=cost,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permits,
            rows_per_s=round(rows_per_s, 2),
            requests=self._limiter.requests,
            throttled=self._limiter.throttled,
            expected_left_s=expected_left_s(self._rows, collector.rows_done, rows_per_s),
            expected_cost_nano_usd=expected_cost_nano_usd(cost, self._rows, collector.rows_done),
            bound_s={
                bound.value: round(seconds, 1)
                for bound, seconds in self._limiter.bound_times.seconds.items()
            },
            latency=self.latencies.summary(),
            series=self._series.series(),
            errors=self.errors.kinds(),
        )

    def told_of_attempt(self, attempt: AttemptProgress) -> AttemptProgress:
        """The attempt with these counts."""
        own = self._collector.counts.without(self._collector.counts_reused)
        return replace(
            attempt,
            rows=self._decided,
            statuses=own.statuses(),
            prompt_tokens=own.prompt_tokens,
            completion_tokens=own.completion_tokens,
            requests=self._limiter.requests,
            throttled=self._limiter.throttled,
            cost_nano_usd=self._paid_nano_usd,
        )

    @property
    def _decided(self) -> int:
        return self._collector.rows_done - self._collector.rows_reused

    @property
    def _paid_nano_usd(self) -> int:
        return self._budget.charged_nano_usd - self.inherited_nano_usd
