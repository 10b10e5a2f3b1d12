"""Log lines for the whole run, less often as it gets longer: never a line per row, never its text."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.measures import RecentRate
from airflow_provider_aimlapi.core.reporting.run_summary import Progress
from airflow_provider_aimlapi.engine.runtime.companions import Companion
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.calls.live import LiveCalls
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)

PAUSE_SHARE = 0.2
"""The pause before the next line, as a share of the run's time so far: 40 lines in the first hour. With
half of it, there are twice as many lines."""
PAUSE_S_MAX = 180.0
"""The longest pause. A reader of the log must see within minutes that the run is at work."""


def progress_log(
    calls: LiveCalls, prepared: Prepared, settings: Settings, world: World
) -> Companion:
    """Return the work that logs an attempt's progress beside its calls."""
    lines = ProgressLog(calls, rows=prepared.plan.rows, clock=world.clock)
    work = partial(lines.write_every, settings.progress_interval_s)
    return Companion(name="progress log", work=work)


class ProgressLog:
    """Writes progress lines."""

    def __init__(self, calls: LiveCalls, *, rows: int, clock: Clock) -> None:
        self._rows = rows
        self._collector = calls.collector
        self._limiter = calls.limiter
        self._budget = calls.budget
        self._clock = clock
        self._started_s = clock.now_s()
        self._rate = RecentRate()

    async def write_every(self, interval_s: float) -> None:
        """Log a line at the first interval, and then after longer and longer pauses, until cancelled.

        The rate is sampled at each interval, so that a line shows the rate of the last minute.
        """
        # The first sample, because a rate needs two.
        self._rate_at(self._clock.now_s())
        next_s = self._clock.now_s()
        while True:
            await asyncio.sleep(interval_s)
            progress, now_s = self.present_figures(), self._clock.now_s()
            if now_s >= next_s:
                log.info("%s", progress.log_line())
                # Half an interval at least, so that a timer that fires early does not skip a line.
                pause_s = min(PAUSE_S_MAX, PAUSE_SHARE * progress.elapsed_s)
                next_s = now_s + max(interval_s / 2, pause_s)

    def present_figures(self) -> Progress:
        """Return the run's present figures."""
        now_s = self._clock.now_s()
        return Progress(
            rows=self._rows,
            rows_done=self._collector.rows_done,
            rows_reused=self._collector.rows_reused,
            in_flight=self._limiter.in_flight,
            window=self._limiter.window.permitted_calls,
            throttled=self._limiter.throttled,
            cost_nano_usd=self._budget.charged_nano_usd,
            elapsed_s=now_s - self._started_s,
            bound_by=self._limiter.bound_by,
            rows_per_s=self._rate_at(now_s),
        )

    def _rate_at(self, now_s: float) -> float:
        return self._rate.add_sample(now_s, self._collector.rows_done - self._collector.rows_reused)
