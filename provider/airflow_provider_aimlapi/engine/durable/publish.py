"""Publish a run: create the manifest, whose existence makes it complete. Blocking, idempotent.

A share has no manifest of its own: its parts wait until the task of the whole run publishes. The
sums of a share have the form of a manifest, but are not stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_part_name
from airflow_provider_aimlapi.core.durable.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.engine.durable.staged_parts import staged_parts
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.durable.manifest import Manifest, PartEntry
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


def publish_run(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    """Create the manifest and return it; if another attempt has created one, return that.

    For a share, return what the manifest will hold of its parts, and create nothing.
    """
    expected = {shard.part for shard in prepared.plan.shards}
    # The last check before the run counts as complete. A missing part would be lost rows, and a
    # second edition of one part would be rows that appear twice.
    if {entry.part for entry in parts} != expected or len(parts) != len(expected):
        raise AssertionError("a run is published only when each shard has its one part")
    names = prepared.names
    manifest = manifest_of(names.run_key, parts)
    if prepared.share is not None:
        return manifest
    if create_settled(prepared.store, names.manifest_name, encode_manifest(manifest)):
        return manifest
    # Two attempts may come this far if one was frozen. Their parts hold the same rows, but perhaps
    # other answers. The first manifest decides, so both must show that one.
    created_before = prepared.read_manifest()
    if created_before is None:
        raise StoreUnavailable(
            f"{prepared.store.uri(names.manifest_name)} exists and cannot be read."
        )
    return created_before


def read_published(prepared: Prepared, clock: Clock) -> Manifest | None:
    """Return what `publish_run` has returned to another attempt; None if none has come that far."""
    manifest = prepared.read_manifest()
    if manifest is not None or prepared.share is None:
        return manifest
    parsed = map(parse_part_name, prepared.store.list(prepared.names.parts_prefix))
    # Names are listed before footers are read, because this is called once per round of a wait.
    durable = {part_edition[0] for part_edition in parsed if part_edition is not None}
    if not durable.issuperset(shard.part for shard in prepared.plan.shards):
        return None
    prepared = replace(prepared, store=patient_store(prepared.store, clock))
    entries = [staged.entry for staged in staged_parts(prepared, clock).values()]
    return manifest_of(prepared.names.run_key, entries)
