"""Publication: the manifest, whose existence makes a run complete. Blocking, safe to do again.

A share of a run has no manifest of its own: its parts wait for whoever publishes the run. What is said
of it has the same form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_part_name
from airflow_provider_aimlapi.core.durable.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.engine.durable.staged_parts import staged_parts
from airflow_provider_aimlapi.engine.runtime.patient_store import patient
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.durable.manifest import Manifest, PartEntry
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


def commit(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    """Create the manifest; when another attempt created it first, theirs is the run's.

    For a share: what the manifest will say of its parts; nothing is created.
    """
    expected = {shard.part for shard in prepared.plan.shards}
    if {entry.part for entry in parts} != expected or len(parts) != len(expected):
        raise AssertionError("a run is committed only when each shard has its one part")
    names = prepared.names
    manifest = manifest_of(names.run_key, parts)
    if prepared.share is not None:
        return manifest
    if create_settled(prepared.store, names.manifest, encode_manifest(manifest)):
        return manifest
    theirs = prepared.read_manifest()
    if theirs is None:
        raise StoreUnavailable(f"{prepared.store.uri(names.manifest)} exists and cannot be read.")
    return theirs


def read_committed(prepared: Prepared, clock: Clock) -> Manifest | None:
    """What `commit` returned to whoever came to that point; None while nobody has."""
    manifest = prepared.read_manifest()
    if manifest is not None or prepared.share is None:
        return manifest
    parsed = map(parse_part_name, prepared.store.list(prepared.names.parts))
    durable = {part_edition[0] for part_edition in parsed if part_edition is not None}
    if not durable.issuperset(shard.part for shard in prepared.plan.shards):
        return None
    prepared = replace(prepared, store=patient(prepared.store, clock))
    entries = [staged.entry for staged in staged_parts(prepared, clock).values()]
    return manifest_of(prepared.names.run_key, entries)
