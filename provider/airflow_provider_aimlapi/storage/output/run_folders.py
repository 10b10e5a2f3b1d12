"""Reads the run folders below `_aimlapi/`, with all facts for their removal. Changes nothing."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import (
    RUNS_FOLDER,
    RunNames,
    parse_lease_name,
    parse_run_key,
)
from airflow_provider_aimlapi.core.durable.lease import decode_share
from airflow_provider_aimlapi.core.durable.retention import REMOVAL_TOKEN, RunFolder, StoredObject
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.output.changes import shown_run
from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects


class RunFolders:
    """The run folders of an output path.

    Every method raises StoreUnavailable or StoreUnsafe if the store fails. An object that could not be
    read never counts as absent.
    """

    def __init__(self, store: ObjectStore, stored: StoredObjects) -> None:
        self.store = store
        self._stored = stored

    def all_folders(self) -> list[RunFolder]:
        """Return every run folder, by run key."""
        objects = self._stored.list_objects("")
        links = self._stored.list_links(f"{RUNS_FOLDER}/")
        names = {found.name for found in objects}
        groups = groupby(objects, key=lambda found: parse_run_key(found.name))
        return [
            self._folder_with_facts(key, group, links, lambda: names)
            for key, group in groups
            if key is not None
        ]

    def folder_of_run(self, run_key: str) -> RunFolder | None:
        """Return a run's folder at this moment; None if there is none."""
        folder = f"{RunNames(run_key=run_key).run_folder}/"
        objects = self._stored.list_objects(folder)
        if not objects:
            return None
        links = self._stored.list_links(folder)
        return self._folder_with_facts(run_key, objects, links, lambda: set(self.store.list("")))

    def _folder_with_facts(
        self,
        run_key: str,
        objects: Iterable[StoredObject],
        links: Iterable[str],
        all_names: Callable[[], set[str]],
    ) -> RunFolder:
        found = tuple(objects)
        names = RunNames(run_key=run_key)
        present = {stored.name for stored in found}
        shown = shown_run(self.store)
        removals, is_released = self._leases_in(names, present)
        # The checks need more reads, so they are made only for a published run that is not the
        # shown one.
        obstacle = self._link_in(names, links)
        if obstacle is None and names.manifest_name in present and run_key != shown:
            obstacle = self._obstacle_to_removal(names, shown, all_names)
        return RunFolder(
            run_key=run_key,
            objects=found,
            removal_epochs=removals,
            is_released=is_released,
            shown_run=shown,
            obstacle=obstacle,
        )

    def _link_in(self, names: RunNames, links: Iterable[str]) -> str | None:
        """Return why a folder with a link stays: no run makes one, so a person must check it."""
        for name in links:
            if name.startswith(f"{names.run_folder}/"):
                return f"{self.store.uri(name)} is a link or a special file; remove it yourself"
        return None

    def _leases_in(self, names: RunNames, present: set[str]) -> tuple[frozenset[int], bool]:
        """Return the epochs of removals, and whether the newest attempts below them were released.

        These are the newest attempt at the whole run, and the newest at each share after it.
        """
        leases = LeaseStore(self.store, names)
        parsed = (parse_lease_name(name) for name in present)
        removals: set[int] = set()
        released: dict[int | None, bool] = {}
        # From the newest epoch on: removals first, then the newest attempt at each share. An
        # attempt at the whole run ends the walk, because older ones were over before it began.
        for epoch in sorted((epoch for epoch in parsed if epoch is not None), reverse=True):
            lease = leases.lease_body(epoch)
            if lease.startswith(REMOVAL_TOKEN.encode()) and not released:
                removals.add(epoch)
                continue
            share = decode_share(lease)
            if share not in released:
                heartbeat = leases.read_heartbeat(epoch)
                released[share] = heartbeat is not None and heartbeat.state == "released"
            if share is None:
                break
        return frozenset(removals), bool(released) and all(released.values())

    def _obstacle_to_removal(
        self, names: RunNames, shown: str | None, all_names: Callable[[], set[str]]
    ) -> str | None:
        """Return why a published run stays: plain readers may see a part that no other run has.

        Without its plan such a part would count as foreign, and stop every later run.
        """
        try:
            mine = self._visible_names(names)
            claimed = self._visible_names(RunNames(run_key=shown)) if shown else frozenset()
        except JournalUnreadable as error:
            return f"it cannot be read: {error}"
        if mine is None:
            return "it has a manifest and no plan, which no run does"
        unclaimed = mine - (claimed or frozenset())
        seen = sorted(unclaimed & all_names()) if unclaimed else []
        return f"{self.store.uri(seen[0])} is a part of it, and visible" if seen else None

    def _visible_names(self, names: RunNames) -> frozenset[str] | None:
        """Return the names that plain readers may see of a run; None if it has no plan."""
        plan = read_plan(self.store, names)
        if plan is None:
            return None
        read_manifest(self.store, names, plan)  # a damaged one is for a person to check
        return frozenset(shard.visible_name for shard in plan.shards)
