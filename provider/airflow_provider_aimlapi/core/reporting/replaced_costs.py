"""Keeps what a task paid for a run whose progress its next run overwrites. Pure."""

from __future__ import annotations

import msgspec

from airflow_provider_aimlapi.core.reporting.run_progress import (
    ATTEMPTS_MAX,
    ReplacedCost,
    RunProgress,
)

MODEL_BYTES_MAX = 190
"""A model's id has 200 characters at most. A replaced run's is cut, because there may be twelve."""


def replaced_costs(recalled: RunProgress) -> tuple[ReplacedCost, ...]:
    """Return what a task has paid for runs before, if its next run has another key than this one."""
    paid = sum(attempt.cost_nano_usd for attempt in recalled.attempts)
    if not paid:
        return recalled.replaced
    last = ReplacedCost(model=recalled.model, updated_us=recalled.updated_us, cost_nano_usd=paid)
    found = [*recalled.replaced, last]
    # The two oldest become one, so that their costs are kept though their number grows.
    while len(found) > ATTEMPTS_MAX:
        first, second, *rest = found
        both = first.cost_nano_usd + second.cost_nano_usd
        found = [msgspec.structs.replace(second, cost_nano_usd=both), *rest]
    return tuple(found)
