"""`airflow-aimlapi clean`: removes old run folders. What may go is decided in `core.durable.retention`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.commands.terminal import say
from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.durable.retention import US_PER_S, why_kept
from airflow_provider_aimlapi.core.texts.wording import format_age, format_bytes, format_count
from airflow_provider_aimlapi.engine.durable.removal import Removal, remove_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.access.opening import open_file_system
from airflow_provider_aimlapi.storage.output.run_folders import RunFolders
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.retention import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanArguments:
    """What was typed.

    Attributes:
        output: a URL or a local path.
        older_than_s: of the newest object of a run.
        is_dry_run: only tell.
        is_confirmed: do not ask.
    """

    output: str
    older_than_s: float
    is_dry_run: bool
    is_confirmed: bool


def clean(arguments: CleanArguments) -> None:
    """Tell which runs may go, ask, and remove them.

    Raises:
        InvalidSpec: the path cannot be opened, or there is nobody to ask.
        StorageError: the store failed; doing it again goes on from there.
    """
    fs, path = open_file_system(arguments.output)
    folders = RunFolders(FsspecStore(fs, path), StoredObjects(fs, path))
    may_go = _survey(folders, arguments)
    if not may_go:
        say(f"Nothing to remove below {folders.store.uri(RUNS_FOLDER)}.")
        return
    say(f"May go: {_sum(may_go)}.")
    if arguments.is_dry_run:
        say("Nothing was removed.")
    elif arguments.is_confirmed or _is_wanted():
        _remove(folders, may_go, arguments)


def _survey(folders: RunFolders, arguments: CleanArguments) -> list[RunFolder]:
    """The folders that may go, each folder told in a line."""
    now_us = SystemClock().wall_us()
    may_go = []
    for folder in folders.all():
        kept = why_kept(folder, older_than_s=arguments.older_than_s, now_us=now_us)
        fate = "may go" if kept is None else f"stays: {kept}"
        age = format_age((now_us - folder.modified_us) / US_PER_S)
        say(f"{folder.run_key}  {_sum([folder])}, changed {age} ago; {fate}")
        if kept is None:
            may_go.append(folder)
    return may_go


def _remove(folders: RunFolders, may_go: list[RunFolder], arguments: CleanArguments) -> None:
    clock = SystemClock()
    removals = []
    for folder in may_go:
        removal = remove_run(
            folders, folder.run_key, older_than_s=arguments.older_than_s, clock=clock
        )
        removals.append(removal)
        rest = f"; the rest stays: {removal.kept}" if removal.kept else ""
        say(f"{folder.run_key}  removed {_removed([removal])}{rest}")
    say(f"Removed: {_removed(removals)}.")


def _is_wanted() -> bool:
    if not sys.stdin.isatty():
        raise InvalidSpec("There is no terminal to ask at. Add --yes to remove, or --dry-run.")
    return input("Remove them? What they hold was paid for. [y/N] ").strip().lower() in ("y", "yes")


def _sum(folders: list[RunFolder]) -> str:
    found = [stored for folder in folders for stored in folder.objects]
    size = format_bytes(sum(stored.size_bytes for stored in found))
    runs = "" if len(folders) == 1 else f"{format_count(len(folders), 'run')}, "
    return f"{runs}{format_count(len(found), 'object')}, {size}"


def _removed(removals: list[Removal]) -> str:
    objects = format_count(sum(removal.objects for removal in removals), "object")
    return f"{objects}, {format_bytes(sum(removal.size_bytes for removal in removals))}"
