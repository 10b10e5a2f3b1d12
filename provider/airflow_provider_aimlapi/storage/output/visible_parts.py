"""Finds out which files at an output path are parts of a run. Changes nothing.

Anyone who can write to an output can write anything into a manifest, and a file that counts as ours
may be overwritten or deleted. So a file is ours only if all of this holds:

- Its own footer names a run and a part.
- That run is one of those whose parts may be visible, see `storage.output.changes`.
- The run's plan gives this part this name and this number of rows.
- The run's staged part exists.

The first cannot be forged without writing the file itself. Everything but the footers is read once per
run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RunNames, parse_part_name
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.parts.part_footer import (
    READING_ERRORS,
    open_part,
    read_footer,
    read_part_end,
)
from airflow_provider_aimlapi.storage.runs.run_objects import read_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.storage.parts.part_footer import PartFooter
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads

FOOTER_READERS = 16


class VisibleParts:
    """The parts of some runs that plain readers may see.

    Args:
        run_keys: the keys of these runs.
    """

    def __init__(
        self, store: ObjectStore, run_keys: Iterable[str], map_in_threads: MapInThreads
    ) -> None:
        self._store = store
        self._map_in_threads = map_in_threads
        self._shards = {run_key: _staged_shards(store, run_key) for run_key in set(run_keys)}

    def names_of_parts(self) -> set[str]:
        """Return the names under which they may be visible."""
        return {shard.visible_name for shards in self._shards.values() for shard in shards.values()}

    def owners_of_files(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return for each existing file the run that it is a part of; None for a foreign file."""
        wanted = sorted(names)
        found = self._map_in_threads(self._owner_of_file, wanted, FOOTER_READERS)
        return {
            name: owner for name, (is_there, owner) in zip(wanted, found, strict=True) if is_there
        }

    def _owner_of_file(self, name: str) -> tuple[bool, str | None]:
        is_there, footer = read_end_of_part(self._store, name)
        if footer is None:
            return is_there, None
        shard = self._shards.get(footer.run_key, {}).get(footer.part)
        is_ours = shard is not None and (shard.visible_name, shard.rows) == (name, footer.rows)
        return is_there, footer.run_key if is_ours else None


def read_end_of_part(store: ObjectStore, name: str) -> tuple[bool, PartFooter | None]:
    """Return whether a file exists, and the content of its footer; None if it is not a part."""
    end = read_part_end(store, name)
    if end is None:
        return False, None
    try:
        with open_part(end) as file:
            return True, read_footer(file)
    except READING_ERRORS:
        return True, None


def _staged_shards(store: ObjectStore, run_key: str) -> dict[int, Shard]:
    """Return a run's shards with a staged part, by number; none if its plan cannot be read."""
    names = RunNames(run_key=run_key)
    try:
        plan = read_plan(store, names)
    except JournalUnreadable:
        return {}
    if plan is None:
        return {}
    parsed = map(parse_part_name, store.list(names.parts_prefix))
    staged = {part_edition[0] for part_edition in parsed if part_edition is not None}
    return {shard.part: shard for shard in plan.shards if shard.part in staged}
