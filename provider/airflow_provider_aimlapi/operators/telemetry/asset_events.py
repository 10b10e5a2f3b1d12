"""Adds a run's figures to the task's asset events, for DAGs that wait for the asset. No row text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import Asset
from airflow.sdk.definitions.asset import AssetRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from airflow_provider_aimlapi.operators.telemetry.observation import Observation

ABOUT_THIS_TRY = frozenset({"requests", "throttled", "elapsed_s", "bound_by", "state"})
"""Facts about this try, which do not matter to those who use the output."""


def extend_asset_events(
    outlets: Iterable[object], context: Mapping[str, Any], seen: Observation
) -> None:
    """Add the run's rows, cost and key to the extra of each outlet's event.

    Args:
        outlets: the task's outlets. Aliases do not change, because only the DAG's author knows what
            they stand for.
        context: the context of the running task. The `partition_key` of a partitioned DAG run is
            added as well.
    """
    events = context.get("outlet_events")
    if events is None:
        return
    extra = {name: fact for name, fact in seen.facts_of_try().items() if name not in ABOUT_THIS_TRY}
    partition_key = context.get("partition_key")
    if partition_key is not None:
        extra["partition_key"] = partition_key
    for outlet in outlets:
        if isinstance(outlet, (Asset, AssetRef)):
            events[outlet].extra.update(extra)
