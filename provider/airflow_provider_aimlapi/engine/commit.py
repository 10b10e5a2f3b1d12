"""Publication: the manifest, whose existence makes a run complete. Blocking, safe to do again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.manifest import Manifest, PartEntry
    from airflow_provider_aimlapi.engine.prepare import Prepared


def commit(prepared: Prepared, parts: Sequence[PartEntry]) -> Manifest:
    """Create the manifest; when another attempt created it first, theirs is the run's."""
    expected = {shard.part for shard in prepared.plan.shards}
    if {entry.part for entry in parts} != expected or len(parts) != len(expected):
        raise AssertionError("a run is committed only when each shard has its one part")
    names = prepared.names
    manifest = manifest_of(names.run_key, parts)
    if create_settled(prepared.store, names.manifest, encode_manifest(manifest)):
        return manifest
    theirs = prepared.read_manifest()
    if theirs is None:
        raise StoreUnavailable(f"{prepared.store.uri(names.manifest)} exists and cannot be read.")
    return theirs
