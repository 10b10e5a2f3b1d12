"""Publication: the manifest, then what plain readers see. Blocking, and safe to do again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled
from airflow_provider_aimlapi.storage.publication import is_complete, is_in_place, publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.manifest import Manifest, PartEntry
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.prepare import Prepared

DELETERS = 16


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


def put_in_place(prepared: Prepared, manifest: Manifest, clock: Clock) -> None:
    """Show the published parts to plain readers, then give the journal up.

    Of a journal, something may be there although the parts are in place: an attempt was killed
    while it gave the journal up, or froze and wrote a segment when it woke.
    """
    store = prepared.store
    if not (is_in_place(store, prepared.names) and is_complete(store, manifest)):
        publish(prepared.store, manifest, prepared.names, spread=clock.spread)
    segments = prepared.store.list(prepared.names.journal)
    clock.spread(prepared.store.delete, segments, DELETERS)
