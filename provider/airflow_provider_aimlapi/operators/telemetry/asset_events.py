"""What a task's asset events carry of its run, for the DAGs that wait for the asset. Nothing of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import Asset
from airflow.sdk.definitions.asset import AssetRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from airflow_provider_aimlapi.operators.telemetry.observation import Observation

OF_THIS_TRY = frozenset({"requests", "throttled", "elapsed_s", "bound_by", "state"})
"""How the run went is nothing to those who use its output."""


def tell_assets(outlets: Iterable[object], context: Mapping[str, Any], seen: Observation) -> None:
    """Put the run's rows, cost and key into the extra of each outlet's event.

    Args:
        outlets: of the task. Aliases are left alone: only the DAG's author knows what they stand for.
        context: of the running task; with a partitioned DAG run, its `partition_key` is told too.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    extra = {name: fact for name, fact in seen.facts().items() if name not in OF_THIS_TRY}
    partition_key = context.get("partition_key")
    if partition_key is not None:
        extra["partition_key"] = partition_key
    for outlet in outlets:
        if isinstance(outlet, (Asset, AssetRef)):
            events[outlet].extra.update(extra)
