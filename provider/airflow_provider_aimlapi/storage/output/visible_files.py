"""Putting a run's parts where plain readers find them. A step that any later attempt can finish.

The manifest has published the run before. Here its parts are copied into place, those of the run before
it removed, and `_SUCCESS` written last. Journal, parts and manifests of any run stay. Foreign files are
neither written over nor deleted, except for another tool's `_SUCCESS`.
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
    run_in_place,
)
from airflow_provider_aimlapi.storage.output.visible_parts import VisibleParts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.storage.output.changes import Change
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.spread import Spread

COPY_THREADS = 16


def publish(
    store: ObjectStore,
    manifest: Manifest,
    *,
    epoch: int,
    spread: Spread,
    own: str | None = None,
) -> None:
    """Put a run's parts in place of whatever run was there before. Idempotent.

    A reader that waits for `_SUCCESS` sees the earlier run's parts or this run's, never a mixture:
    `_SUCCESS` goes first and comes last.

    Args:
        epoch: of the lease of the output path that the caller holds.
        spread: does blocking work for each item, so many at a time.
        own: the caller's run, which it may have begun to put in place before; None for `manifest`'s.

    Raises:
        StoreUnavailable, StoreUnsafe: when the store fails; calling again finishes the step.
        JournalUnreadable: when a staged part is missing, or a change that no lease allows is there.
        InvalidSpec: when a file is in the way that no run has put there. Nothing was changed then.
    """
    run_key, names = manifest.run_key, manifest.visible_names()
    before = newest_change(store)
    change = before.then(run_key)
    parts = VisibleParts(store, {*before.run_keys, run_key, own or run_key}, spread)
    _check_staged(store, manifest)
    present = set(store.list_visible())
    owners = parts.owners(names & present)
    _refuse_foreign(store, owners, _KEPT)

    leaving = _leaving(store, before, change)
    if leaving is not None:
        store.delete(SUCCESS_NAME)
        others = parts.owners((parts.names() & present) - names) | owners
        spread(store.delete, [name for name in others if others[name] == leaving], COPY_THREADS)
    create_change(store, epoch, change)
    if run_in_place(store) != run_key:
        store.delete(SUCCESS_NAME)
    missing = [entry for entry in manifest.parts if owners.get(entry.visible_name) != run_key]
    spread(lambda entry: store.copy(entry.staged_name, entry.visible_name), missing, COPY_THREADS)
    left = parts.owners((parts.names() & set(store.list_visible())) - names)
    spread(store.delete, [name for name in left if left[name] is not None], COPY_THREADS)
    store.write(SUCCESS_NAME, _success(manifest))
    forget_changes(store, epoch)


def _leaving(store: ObjectStore, before: Change, change: Change) -> str | None:
    """The run whose parts have to go before others come, for a change names two runs and no third.

    That is so where the change before was cut short, so that parts of two runs may be visible.
    """
    is_known = before.replaces is None or before.replaces in change.run_keys
    return None if is_known or run_in_place(store) == before.run_key else before.replaces


def is_complete(store: ObjectStore, manifest: Manifest) -> bool:
    """Whether nobody has removed a part since the run was put in place."""
    return manifest.visible_names() <= set(store.list_visible())


def check_foreign(store: ObjectStore, plan: Plan, spread: Spread) -> None:
    """Refuse a run that would replace files that no run has put there, before anything is spent.

    Raises:
        InvalidSpec: naming such a file.
    """
    visible = {shard.visible_name for shard in plan.shards} & set(store.list_visible())
    if visible:
        run_keys = {*newest_change(store).run_keys, plan.run_key}
        _refuse_foreign(store, VisibleParts(store, run_keys, spread).owners(visible))


_KEPT = " The run is complete, and its parts are kept: a retry puts it in place without a call."


def _refuse_foreign(
    store: ObjectStore, owners: Mapping[str, str | None], outcome: str = ""
) -> None:
    foreign = [name for name, owner in owners.items() if owner is None]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InvalidSpec(
            f"{store.uri(foreign[0])}{more} would be replaced, but was not written by this "
            f"operator. Remove it, or choose another output_path.{outcome}"
        )


def _check_staged(store: ObjectStore, manifest: Manifest) -> None:
    present = set(store.list(RunNames(run_key=manifest.run_key).parts))
    missing = [one.staged_name for one in manifest.parts if one.staged_name not in present]
    if missing:
        raise JournalUnreadable(
            f"{store.uri(missing[0])} is not there, though the run's manifest names it. {REMOVE_FOLDER}"
        )


def _success(manifest: Manifest) -> bytes:
    success = Success(
        run_key=manifest.run_key,
        manifest=RunNames(run_key=manifest.run_key).manifest,
        parts=len(manifest.parts),
        rows=manifest.tally.rows,
    )
    return msgspec.json.encode(success) + b"\n"
