"""`airflow-aimlapi runs`: lists the runs at an output path, with state, rows and cost. Reads only.

The rows and the cost of a published run are in its manifest. Those of another run are in the report
that its last attempt left, or in its progress object. They may be older than what the journal holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.commands.terminal import print_line
from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER, RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import (
    PROGRESS_BYTES_MAX,
    REPORT_BYTES_MAX,
)
from airflow_provider_aimlapi.core.durable.retention import US_PER_S
from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress, decode_progress
from airflow_provider_aimlapi.core.texts.wording import format_age, format_count, format_usd
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan

if TYPE_CHECKING:
    from airflow_provider_aimlapi.commands.output_tree import OutputTree
    from airflow_provider_aimlapi.core.durable.retention import RunFolder
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

_SHARE = re.compile(r"/share/([0-9]{4})/")
_DATA_START = b'<script type="application/json" id="progress">'
_DATA_END = b"</script>"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What the list shows of a run.

    Attributes:
        state: in words.
        rows_done: the decided rows; None if no attempt has reported them.
        rows: all rows; None without a plan.
        cost_nano_usd: None if no attempt has reported it.
    """

    state: str
    rows_done: int | None = None
    rows: int | None = None
    cost_nano_usd: int | None = None


def list_runs(tree: OutputTree) -> None:
    """Print a line for each run, and the sums.

    Raises:
        InvalidSpec, ConnectionIncomplete: the path cannot be opened.
        StorageError: the store failed.
    """
    now_us = SystemClock().wall_us()
    outputs = tree.open_outputs()
    found: list[RunFigures] = []
    for output in outputs:
        folders = output.all_folders()
        if tree.is_recursive and folders:
            print_line(f"{output.store.uri('')}:")
        for folder in folders:
            figures = _figures_of_run(output.store, folder)
            age = format_age((now_us - folder.modified_us) / US_PER_S)
            print_line(f"{folder.run_key}  {_words_of_figures(figures)}, changed {age} ago")
            found.append(figures)
    if not found:
        where = tree.path if tree.is_recursive else outputs[0].store.uri(RUNS_FOLDER)
        print_line(f"No runs below {where}.{tree.hint_about_outputs()}")
        return
    rows = sum(figures.rows_done or 0 for figures in found)
    cost = sum(figures.cost_nano_usd or 0 for figures in found)
    print_line(
        f"In total: {format_count(len(found), 'run')}, {format_count(rows, 'row')}, {format_usd(cost)}."
    )


def _words_of_figures(figures: RunFigures) -> str:
    done = "?" if figures.rows_done is None else f"{figures.rows_done:,}"
    rows = "?" if figures.rows is None else f"{figures.rows:,}"
    is_whole = figures.rows is not None and figures.rows_done == figures.rows
    counted = format_count(figures.rows or 0, "row") if is_whole else f"{done} of {rows} rows"
    cost = figures.cost_nano_usd
    return f"{figures.state}, {counted}, {'cost ?' if cost is None else format_usd(cost)}"


def _figures_of_run(store: ObjectStore, folder: RunFolder) -> RunFigures:
    if folder.is_emptied:
        return RunFigures(state="removed")
    names = RunNames(run_key=folder.run_key)
    try:
        plan = read_plan(store, names)
        manifest = None if plan is None else read_manifest(store, names, plan)
    except JournalUnreadable:
        return RunFigures(state="unreadable")
    if manifest is not None:
        tally = manifest.tally
        state = "published, visible" if folder.shown_run == folder.run_key else "published"
        return RunFigures(
            state=state, rows_done=tally.rows, rows=tally.rows, cost_nano_usd=tally.cost_nano_usd
        )
    reported = _last_reports(store, folder)
    return RunFigures(
        # An attempt that was killed did not release its lease either; nothing here tells them apart.
        state="not published" if folder.is_released else "at work or killed",
        rows_done=sum(one.rows_done for one in reported) if reported else None,
        rows=None if plan is None else plan.rows,
        cost_nano_usd=sum(one.cost_nano_usd for one in reported) if reported else None,
    )


def _last_reports(store: ObjectStore, folder: RunFolder) -> list[RunProgress]:
    """Return the last report of the whole run; of a divided run, that of each share."""
    whole: list[RunProgress] = []
    shares: dict[str, RunProgress] = {}
    for stored in folder.objects:
        progress = _read_progress(store, stored.name)
        if progress is None or progress.run_key != folder.run_key:
            continue
        share = _SHARE.search(stored.name)
        if share is None:
            whole.append(progress)
        elif share[1] not in shares or shares[share[1]].updated_us < progress.updated_us:
            shares[share[1]] = progress
    # The task of the whole run knows the rows of its shares once it has begun, and they never shrink.
    newest = sorted(whole, key=lambda one: one.updated_us)[-1:]
    parts = list(shares.values())
    is_ahead = sum(one.rows_done for one in parts) > sum(one.rows_done for one in newest)
    return parts if is_ahead or not newest else newest


def _read_progress(store: ObjectStore, name: str) -> RunProgress | None:
    """Return the progress in a progress object or a report; None for any other object."""
    try:
        if name.endswith("/progress.json"):
            data = store.read(name, bytes_max=PROGRESS_BYTES_MAX)
            return None if data is None else decode_progress(data)
        if name.endswith("/report.html"):
            data = store.read(name, bytes_max=REPORT_BYTES_MAX)
            _, _, rest = (data or b"").partition(_DATA_START)
            return decode_progress(rest.partition(_DATA_END)[0])
    except JournalUnreadable:  # larger than any that a run writes
        return None
    return None
