"""Finds the output paths below a folder: those that have run folders. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER, parse_run_key

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects


def outputs_below(stored: StoredObjects) -> list[str]:
    """Return the output paths below a folder, relative to it, in order; "" for the folder itself.

    Links on a disk are not followed.

    Raises:
        StorageError: as `StoredObjects.list_objects`.
    """
    found = set()
    for one in stored.list_objects(""):
        before, marker, rest = f"/{one.name}".partition(f"/{RUNS_FOLDER}/")
        # A folder of that name inside another one belongs to the outer one, whoever made it.
        if marker and parse_run_key(f"{RUNS_FOLDER}/{rest}"):
            found.add(before.removeprefix("/"))
    return sorted(found)
