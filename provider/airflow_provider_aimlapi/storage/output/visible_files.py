"""Shows a run's parts to plain readers. A later attempt can finish this step at any point.

The manifest has already published the run. Here its parts are copied to their visible names, those of
the run before it are removed, and `_SUCCESS` is written last. Journal, parts and manifests of all runs
stay. Foreign files are neither overwritten nor deleted, except another tool's `_SUCCESS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.durable.keys import SUCCESS_NAME, RunNames
from airflow_provider_aimlapi.core.durable.stored_json import REMOVE_FOLDER
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from airflow_provider_aimlapi.storage.output.changes import (
    Success,
    create_change,
    forget_changes,
    newest_change,
    shown_run,
)
from airflow_provider_aimlapi.storage.output.visible_parts import VisibleParts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.storage.output.changes import Change
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads

# Copies are made by the store, so a thread only waits for an answer.
COPY_THREADS = 16


def show_run(
    store: ObjectStore,
    manifest: Manifest,
    *,
    epoch: int,
    map_in_threads: MapInThreads,
    own: str | None = None,
) -> None:
    """Show a run's parts in the place of any earlier run's. Idempotent.

    A reader that waits for `_SUCCESS` sees the earlier run's parts or this run's, never a mixture,
    because `_SUCCESS` is removed first and written last.

    Args:
        epoch: of the lease of the output path that the caller holds.
        map_in_threads: runs blocking work for each item, several at a time.
        own: the caller's run, which it may have begun to show before; None for `manifest`'s.

    Raises:
        StoreUnavailable, StoreUnsafe: the store fails. Another call finishes the step.
        JournalUnreadable: a staged part is missing, or there is a change that no lease allows.
        InvalidSpec: a file that no run has written is in the way. Nothing was changed then.
    """
    run_key, names = manifest.run_key, manifest.visible_names()
    before = newest_change(store)
    change = before.change_to(run_key)
    parts = VisibleParts(store, {*before.run_keys, run_key, own or run_key}, map_in_threads)
    # Nothing is changed before these checks have passed.
    _check_staged(store, manifest)
    present = set(store.list_visible())
    owners = parts.owners_of_files(names & present)
    _refuse_foreign(store, owners, _KEPT)

    leaving = _leaving_run(store, before, change)
    if leaving is not None:
        store.delete(SUCCESS_NAME)
        others = parts.owners_of_files((parts.names_of_parts() & present) - names) | owners
        map_in_threads(
            store.delete, [name for name in others if others[name] == leaving], COPY_THREADS
        )
    # From here on a kill leaves files of at most the two runs that the change names, so that the
    # next attempt recognises all of them.
    create_change(store, epoch, change)
    if shown_run(store) != run_key:
        store.delete(SUCCESS_NAME)
    missing = [entry for entry in manifest.parts if owners.get(entry.visible_name) != run_key]
    map_in_threads(
        lambda entry: store.copy(entry.staged_name, entry.visible_name), missing, COPY_THREADS
    )
    left = parts.owners_of_files((parts.names_of_parts() & set(store.list_visible())) - names)
    map_in_threads(store.delete, [name for name in left if left[name] is not None], COPY_THREADS)
    store.write(SUCCESS_NAME, _encode_success(manifest))
    forget_changes(store, epoch)


def _leaving_run(store: ObjectStore, before: Change, change: Change) -> str | None:
    """Return the run whose parts must go first, because a change names at most two runs.

    There is one if the last change was interrupted, so that parts of two runs may be visible.
    """
    is_known = before.replaces is None or before.replaces in change.run_keys
    return None if is_known or shown_run(store) == before.run_key else before.replaces


def is_complete(store: ObjectStore, manifest: Manifest) -> bool:
    """Return whether all parts of the run are still visible."""
    return manifest.visible_names() <= set(store.list_visible())


def check_foreign(store: ObjectStore, plan: Plan, map_in_threads: MapInThreads) -> None:
    """Refuse a run that would replace foreign files, before anything is spent.

    Raises:
        InvalidSpec: there is such a file. The text names it.
    """
    visible = {shard.visible_name for shard in plan.shards} & set(store.list_visible())
    if visible:
        run_keys = {*newest_change(store).run_keys, plan.run_key}
        _refuse_foreign(
            store, VisibleParts(store, run_keys, map_in_threads).owners_of_files(visible)
        )


_KEPT = " The run is complete, and its parts are kept: a retry shows it without a call."


def _refuse_foreign(
    store: ObjectStore, owners: Mapping[str, str | None], outcome: str = ""
) -> None:
    foreign = [name for name, owner in owners.items() if owner is None]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InvalidSpec(
            f"Choose another output_path, or remove what is there: {store.uri(foreign[0])}{more} would "
            f"be replaced, but was not written by this operator.{outcome}"
        )


def _check_staged(store: ObjectStore, manifest: Manifest) -> None:
    present = set(store.list(RunNames(run_key=manifest.run_key).parts_prefix))
    missing = [one.staged_name for one in manifest.parts if one.staged_name not in present]
    if missing:
        raise JournalUnreadable(
            f"{REMOVE_FOLDER} {store.uri(missing[0])} does not exist, though the run's manifest names it."
        )


def _encode_success(manifest: Manifest) -> bytes:
    success = Success(
        run_key=manifest.run_key,
        manifest=RunNames(run_key=manifest.run_key).manifest_name,
        parts=len(manifest.parts),
        rows=manifest.tally.rows,
    )
    return msgspec.json.encode(success) + b"\n"
