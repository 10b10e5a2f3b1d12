"""Reads a run's plan and manifest, each with a size limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.ingredients import decode_plan_ingredients
from airflow_provider_aimlapi.core.durable.manifest import decode_manifest
from airflow_provider_aimlapi.core.durable.object_sizes import PLAN_BYTES_MAX
from airflow_provider_aimlapi.core.durable.plan import decode_plan, manifest_bytes_max

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.ingredients import Ingredients
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


def read_plan(store: ObjectStore, names: RunNames) -> Plan | None:
    """Return a run's plan; None if there is none.

    Raises:
        JournalUnreadable: it is not a plan of this run.
        StorageError: as the store raises it.
    """
    data = store.read(names.plan_name, bytes_max=PLAN_BYTES_MAX)
    return None if data is None else decode_plan(data, run_key=names.run_key)


def read_ingredients(store: ObjectStore, names: RunNames) -> Ingredients | None:
    """Return what a run's key was made of, by its plan; None if there is no plan.

    Raises:
        JournalUnreadable: it is not a plan of this run.
        StorageError: as the store raises it.
    """
    data = store.read(names.plan_name, bytes_max=PLAN_BYTES_MAX)
    return None if data is None else decode_plan_ingredients(data, run_key=names.run_key)


def read_manifest(store: ObjectStore, names: RunNames, plan: Plan) -> Manifest | None:
    """Return a run's manifest; None if it is not published.

    Args:
        plan: the whole run's, which the manifest must match.

    Raises:
        JournalUnreadable: it is not a manifest of this plan.
        StorageError: as the store raises it.
    """
    data = store.read(names.manifest_name, bytes_max=manifest_bytes_max(plan))
    return None if data is None else decode_manifest(data, plan)
