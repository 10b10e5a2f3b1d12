"""`airflow-aimlapi clean`: removes old run folders. `core.durable.retention` decides which."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.commands.terminal import print_line
from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.durable.retention import US_PER_S, why_kept
from airflow_provider_aimlapi.core.texts.wording import format_age, format_bytes, format_count
from airflow_provider_aimlapi.engine.durable.removal import Removal, remove_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.commands.output_tree import OutputTree
    from airflow_provider_aimlapi.core.durable.retention import RunFolder
    from airflow_provider_aimlapi.storage.output.run_folders import RunFolders


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanArguments:
    """The typed arguments.

    Attributes:
        tree: the output, or all outputs below it.
        older_than_s: the least age of a run's newest object.
        is_dry_run: whether to print without removing.
        is_confirmed: whether to remove without a question.
    """

    tree: OutputTree
    older_than_s: float
    is_dry_run: bool
    is_confirmed: bool


Removable = list[tuple["RunFolders", "RunFolder"]]
"""Run folders, each with the output that it is in."""


def remove_old_runs(arguments: CleanArguments) -> None:
    """Print which runs can be removed, ask, and remove them.

    Raises:
        InvalidSpec: the path cannot be opened, or there is no terminal for the question.
        StorageError: the store failed. The same command continues the removal.
    """
    outputs = arguments.tree.open_outputs()
    # All folders are printed before the question, so that the user decides by the whole list.
    removable: Removable = []
    for output in outputs:
        if arguments.tree.is_recursive:
            print_line(f"{output.store.uri('')}:")
        removable += [(output, folder) for folder in _print_folders(output, arguments)]
    if not removable:
        where = arguments.tree.path if len(outputs) > 1 else outputs[0].store.uri(RUNS_FOLDER)
        print_line(f"Nothing to remove below {where}.{arguments.tree.hint_about_outputs()}")
        return
    print_line(f"Can be removed: {_describe_folders([folder for _, folder in removable])}.")
    if arguments.is_dry_run:
        print_line("Nothing was removed.")
    elif arguments.is_confirmed or (not arguments.tree.is_recursive and _is_wanted()):
        _remove_runs(removable, arguments)
    elif arguments.tree.is_recursive:
        # A recursive removal may concern outputs that the user has not thought of.
        print_line("Nothing was removed, because --recursive only lists. To remove, add --yes.")


def _print_folders(folders: RunFolders, arguments: CleanArguments) -> list[RunFolder]:
    """Print a line for each folder, and return the folders that can be removed."""
    now_us = SystemClock().wall_us()
    removable = []
    for folder in folders.all_folders():
        kept = why_kept(folder, older_than_s=arguments.older_than_s, now_us=now_us)
        fate = "can be removed" if kept is None else f"stays: {kept}"
        age = format_age((now_us - folder.modified_us) / US_PER_S)
        print_line(f"{folder.run_key}  {_describe_folders([folder])}, changed {age} ago; {fate}")
        if kept is None:
            removable.append(folder)
    return removable


def _remove_runs(removable: Removable, arguments: CleanArguments) -> None:
    clock = SystemClock()
    removals = []
    for folders, folder in removable:
        removal = remove_run(
            folders, folder.run_key, older_than_s=arguments.older_than_s, clock=clock
        )
        removals.append(removal)
        # The folder is judged again right before each removal, so a run that came back meanwhile stays.
        rest = f"; the rest stays: {removal.kept}" if removal.kept else ""
        print_line(f"{folder.run_key}  removed {_describe_removals([removal])}{rest}")
    print_line(f"Removed: {_describe_removals(removals)}.")


def _is_wanted() -> bool:
    if not sys.stdin.isatty():
        raise InvalidSpec(
            "There is no terminal for the question. Add --yes to remove, or --dry-run."
        )
    return input("Remove them? Their answers were paid for. [y/N] ").strip().lower() in ("y", "yes")


def _describe_folders(folders: list[RunFolder]) -> str:
    found = [stored for folder in folders for stored in folder.objects]
    size = format_bytes(sum(stored.size_bytes for stored in found))
    runs = "" if len(folders) == 1 else f"{format_count(len(folders), 'run')}, "
    return f"{runs}{format_count(len(found), 'object')}, {size}"


def _describe_removals(removals: list[Removal]) -> str:
    objects = format_count(sum(removal.objects for removal in removals), "object")
    return f"{objects}, {format_bytes(sum(removal.size_bytes for removal in removals))}"
