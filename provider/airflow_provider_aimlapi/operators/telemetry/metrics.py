"""A run's counts as Airflow's own metrics: the one home of its `Stats`. Never a call for a row.

Counters grow by what this try of the task did since it last told; earlier tries have told what
they did. Nothing of a row, of an answer or of the key is in a name or a tag.
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
    """Sends one try's metrics, each time that its progress is told.

    Args:
        context: of the running task.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        instance = context.get("ti")
        self._tags = {
            name: str(getattr(instance, name))
            for name in ("dag_id", "task_id")
            if instance is not None
        }
        self._sent: dict[str, int] = {}

    def tell(self, progress: RunProgress) -> None:
        """Send what has come since the last time, and how the run stands now."""
        tags = {**self._tags, "model": progress.model}
        counts = _counts(progress.attempts[-1])
        for name, count in counts.items():
            came = count - self._sent.get(name, 0)
            if came > 0:
                Stats.incr(f"{PREFIX}.{name}", count=came, tags=tags)
        self._sent = counts
        for name, value in _levels(progress).items():
            Stats.gauge(f"{PREFIX}.{name}", value, tags=tags)


def _counts(own: AttemptProgress) -> dict[str, int]:
    return {
        **{f"rows.{status}": rows for status, rows in own.statuses.items()},
        "calls": own.requests,
        "throttled": own.throttled,
        "prompt_tokens": own.prompt_tokens,
        "completion_tokens": own.completion_tokens,
        "cost_nano_usd": own.cost_nano_usd,
    }


def _levels(progress: RunProgress) -> dict[str, float]:
    """How the run stands. Latency once this try has made calls: before, it is an earlier try's."""
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
