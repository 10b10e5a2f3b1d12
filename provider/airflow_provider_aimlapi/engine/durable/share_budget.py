"""Limit a share to its part of the run's budget. Blocking.

Attempts at several shares pay at the same time, and none knows what the others spend. So each may
spend a fixed part, by its rows. An attempt at the whole run pays while no share does, and knows what
all of them have spent. So it may spend the rest on the rows of any share.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.budget import part_of_budget
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_earlier_answers
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


def limit_to_part(budget: Budget, prepared: Prepared, epoch: int, clock: Clock) -> None:
    """Lower the budget of an attempt at a share to the share's part. Other budgets stay.

    Args:
        epoch: the epoch of this attempt. All earlier attempts that may pay for its rows are over.

    Raises:
        JournalUnreadable, StoreUnavailable: as `find_earlier_answers`.
    """
    whole, share, plan = budget.budget_nano_usd, prepared.share, prepared.run_plan
    # 1. No budget.
    # 2. The whole run, which may spend all that is left.
    # 3. A run with one share, whose part is the whole budget.
    if whole is None or share is None or len(plan.shares) == 1:
        return
    ends = (*plan.shares[1:], len(plan.shards))
    parts = [range(first, end) for first, end in zip(plan.shares, ends, strict=True)]
    rows = [sum(shard.rows for shard in plan.shards[one.start : one.stop]) for one in parts]
    spent = [0] * len(parts)
    # Only then may a share have spent more than its part. Reading what all shares have spent means
    # reading their journals, so it is done in this case only.
    if _has_whole_run_paid(prepared, epoch):
        spent = _spent_on_shares(prepared, parts, clock)
    budget.whole_nano_usd = whole
    budget.budget_nano_usd = part_of_budget(whole, share, rows=rows, spent=spent)


def _has_whole_run_paid(prepared: Prepared, epoch: int) -> bool:
    """Return whether an attempt at the whole run may have paid.

    If none has, no share has spent more than its part.
    """
    leases = LeaseStore(prepared.store, prepared.names, prepared.share)
    heartbeats = (
        leases.read_heartbeat(older)
        for older in leases.list_epochs()
        if older < epoch and leases.share_of(older) is None
    )
    return any(heartbeat is not None and heartbeat.has_run for heartbeat in heartbeats)


def _spent_on_shares(prepared: Prepared, parts: list[range], clock: Clock) -> list[int]:
    """Return what each share has cost so far."""
    # The same run without the share, so that the parts of all shares are read.
    names = replace(prepared.names, share=None)
    run = replace(prepared, names=names, plan=prepared.run_plan)
    earlier = find_earlier_answers(run, clock, retry_rejected=False)
    return [earlier.spent_nano_usd(one) for one in parts]
