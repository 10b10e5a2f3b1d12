"""One log line every few seconds, for the whole run: never one a row, never a row's text."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.measures import RecentRate
from airflow_provider_aimlapi.core.reporting.run_summary import Progress
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.runtime.clock import Clock

log = logger(__name__)


class ProgressLog:
    """Writes progress lines."""

    def __init__(
        self, *, rows: int, collector: Collector, limiter: Limiter, budget: Budget, clock: Clock
    ) -> None:
        self._rows = rows
        self._collector = collector
        self._limiter = limiter
        self._budget = budget
        self._clock = clock
        self._started_s = clock.now_s()
        self._rate = RecentRate()

    async def write_every(self, interval_s: float) -> None:
        """Write a line each so many seconds, until cancelled."""
        self._rate_at(self._clock.now_s())
        while True:
            await asyncio.sleep(interval_s)
            log.info("%s", self.now().line())

    def now(self) -> Progress:
        """The run as it stands."""
        now_s = self._clock.now_s()
        return Progress(
            rows=self._rows,
            rows_done=self._collector.rows_done,
            rows_reused=self._collector.rows_reused,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permits,
            throttled=self._limiter.throttled,
            cost_nano_usd=self._budget.charged_nano_usd,
            elapsed_s=now_s - self._started_s,
            bound_by=self._limiter.bound_by,
            rows_per_s=self._rate_at(now_s),
        )

    def _rate_at(self, now_s: float) -> float:
        return self._rate.add(now_s, self._collector.rows_done - self._collector.rows_reused)
