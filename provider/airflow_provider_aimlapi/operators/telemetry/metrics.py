"""Sends a run's counts as Airflow's own metrics. The only module that imports Airflow's `Stats`.

Counters grow by what this try has done since the last time, because earlier tries have sent their
own. No name and no tag contains text of a row, of an answer or of the key. Metrics are sent once for
each progress report, never once for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Stats

from airflow_provider_aimlapi.core.reporting.run_progress import ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.reporting.run_progress import AttemptProgress, RunProgress

PREFIX = "aimlapi"


class RunMetrics:
    """Sends one try's metrics each time that its progress is reported.

    Args:
        context: the context of the running task.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        instance = context.get("ti")
        self._tags = {
            name: str(getattr(instance, name))
            for name in ("dag_id", "task_id")
            if instance is not None
        }
        self._sent: dict[str, int] = {}
        """The counts as of the last time. StatsD adds up differences, so only new ones are sent."""

    def send_changes(self, progress: RunProgress) -> None:
        """Send what this try has done since the last time, and the state of the run."""
        tags = {**self._tags, "model": progress.model}
        counts = _counts_of(progress.attempts[-1])
        for name, count in counts.items():
            came = count - self._sent.get(name, 0)
            if came > 0:
                Stats.incr(f"{PREFIX}.{name}", count=came, tags=tags)
        self._sent = counts
        for name, value in _levels_of(progress).items():
            Stats.gauge(f"{PREFIX}.{name}", value, tags=tags)


def _counts_of(own: AttemptProgress) -> dict[str, int]:
    return {
        **{f"rows.{status}": rows for status, rows in own.statuses.items()},
        "rows.repaired": own.repaired,
        "calls": own.requests,
        "throttled": own.throttled,
        "prompt_tokens": own.prompt_tokens,
        "completion_tokens": own.completion_tokens,
        "cost_nano_usd": own.cost_nano_usd,
    }


def _levels_of(progress: RunProgress) -> dict[str, float]:
    """Return the state of the run. Latency comes with this try's first calls, not from an earlier try."""
    levels: dict[str, float] = {
        "in_flight": progress.in_flight,
        "rows_per_s": 0.0 if progress.state in ENDED else progress.rows_per_s,
    }
    if progress.attempts[-1].requests and progress.latency.calls:
        levels |= {
            "latency_p50_ms": progress.latency.p50_ms,
            "latency_p90_ms": progress.latency.p90_ms,
            "latency_p99_ms": progress.latency.p99_ms,
        }
    return levels
