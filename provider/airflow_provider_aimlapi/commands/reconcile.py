"""`airflow-aimlapi reconcile`: compares a run's manifest with the API's log. Free; changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.commands.terminal import print_line
from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER, RunNames, is_run_key
from airflow_provider_aimlapi.core.durable.retention import US_PER_S
from airflow_provider_aimlapi.core.texts.wording import format_count, format_usd
from airflow_provider_aimlapi.engine.request_log_reader import REQUESTS_A_MINUTE, LogReader, Pace
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.access.opening import open_file_system
from airflow_provider_aimlapi.storage.output.changes import shown_run
from airflow_provider_aimlapi.storage.output.run_folders import RunFolders
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.retention import RunFolder
    from airflow_provider_aimlapi.core.money.reconciliation import Reconciliation

SLACK_US = 3600 * US_PER_S
"""An hour, for the difference between the store's clock and the API's, and for calls that outlived
their attempt. Twice this reads more of the log for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileArguments:
    """The typed arguments.

    Attributes:
        output: a URL or a local path.
        run_key: None for the run that is visible at the output.
        since_s: how far back the log is read; None for as far as the run's objects go.
        endpoint: the API's address, and the key of the run.
        pace: keeps below the log's limit of requests.
    """

    output: str
    run_key: str | None
    since_s: float | None
    endpoint: Endpoint
    pace: Pace = field(default_factory=lambda: Pace(now_s=SystemClock().now_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """The facts about a run in the store.

    Attributes:
        names: the names of the run's objects.
        uri: the run's folder.
        manifest: None while the run is not published.
        visible_names: the visible names of the parts, by number.
        start_us: the earliest time at which the log may contain a call of the run.
        end_us: the latest such time.
    """

    names: RunNames
    uri: str
    manifest: Manifest | None
    visible_names: dict[int, str]
    start_us: int
    end_us: int


def reconcile_run(arguments: ReconcileArguments) -> Reconciliation:
    """Read a run's calls from the API's log, and print their cost beside the manifest's.

    Raises:
        InvalidSpec: there is no such run.
        StorageError: the run cannot be read.
        ApiError: the log did not answer, or the key may not read it.
    """
    facts = _read_facts(arguments)
    span = f"from {_format_moment(facts.start_us)} to {_format_moment(facts.end_us)}"
    print_line(f"Run {facts.names.run_key} at {facts.uri}")
    # A large log takes minutes, so this line is printed before.
    print_line(f"Reading the log {span}, at most {REQUESTS_A_MINUTE} pages per minute")
    result, reader = asyncio.run(_read_log(arguments, facts))
    for line in _format_lines(facts, result, reader):
        print_line(line)
    return result


async def _read_log(
    arguments: ReconcileArguments, facts: RunFacts
) -> tuple[Reconciliation, LogReader]:
    async with open_transport(connections_max=1, route=arguments.endpoint.route) as transport:
        reader = LogReader(
            ask=partial(fetch_log_page, arguments.endpoint, transport), pace=arguments.pace
        )
        found = await reader.reconcile_run(facts.names.run_key, facts.start_us, facts.end_us)
    return found, reader


def _read_facts(arguments: ReconcileArguments) -> RunFacts:
    fs, path = open_file_system(arguments.output)
    store = FsspecStore(fs, path)
    folder = _find_folder(store, StoredObjects(fs, path), arguments.run_key)
    names = RunNames(run_key=folder.run_key)
    plan = read_plan(store, names)
    start_us, end_us = _time_range(folder, arguments.since_s)
    return RunFacts(
        names=names,
        uri=store.uri(names.run_folder),
        manifest=read_manifest(store, names, plan) if plan else None,
        visible_names={shard.part: shard.visible_name for shard in plan.shards} if plan else {},
        start_us=start_us,
        end_us=end_us,
    )


def _time_range(folder: RunFolder, since_s: float | None) -> tuple[int, int]:
    """Return the time range in which the log may contain a run's calls.

    Its end may be in the future, because clocks differ.
    """
    now_us = SystemClock().wall_us()
    if since_s is not None:
        return now_us - int(since_s * US_PER_S), now_us + SLACK_US
    # A file may have any time, even one that no calendar has, so each is limited to the past.
    times = [
        min(max(stored.modified_us, SLACK_US), now_us)
        for stored in folder.objects_of_attempts or folder.objects
    ]
    return min(times) - SLACK_US, max(times) + SLACK_US


def _find_folder(store: FsspecStore, stored: StoredObjects, run_key: str | None) -> RunFolder:
    wanted = run_key or shown_run(store)
    if wanted is None:
        raise InvalidSpec(
            f"Name one with --run-key, because no run is visible at {store.uri('')}. The key is in "
            f"the task's log, and it is the name of a folder below {RUNS_FOLDER}/."
        )
    folder = RunFolders(store, stored).folder_of_run(wanted) if is_run_key(wanted) else None
    if folder is None:
        raise InvalidSpec(
            f"Correct --run-key or the output path. There is no run {wanted!r} at "
            f"{store.uri(RUNS_FOLDER)}."
        )
    return folder


def _format_lines(facts: RunFacts, found: Reconciliation, reader: LogReader) -> Iterator[str]:
    yield f"Log       read in {format_count(reader.requests, 'request')}"
    billed = (
        f"{format_count(found.charged_calls, 'call')} for {format_count(len(found.rows), 'row')}"
    )
    yield f"Billed    {billed}, {format_usd(found.cost_nano_usd)}"
    yield f"Manifest  {_manifest_words(facts.manifest)}"
    yield f"Again     {_again_words(found)}"
    for row in found.rows_charged_again:
        part = facts.visible_names.get(row.part, f"part {row.part}")
        cost = f"{format_usd(row.cost_nano_usd)}, {format_usd(row.extra_nano_usd)} of it extra"
        yield f"  {part} row {row.row}: {row.calls} calls, {cost}"
    yield from _name_doubts(facts, found, reader)


def _manifest_words(manifest: Manifest | None) -> str:
    if manifest is None:
        return "none: the run is not published"
    tally = manifest.tally
    words = (
        f"{format_count(tally.completed_rows, 'completed row')}, {format_usd(tally.cost_nano_usd)}"
    )
    if tally.duplicates:
        words += f", {tally.duplicates:,} with the same request as another row"
    if tally.reused_answers:
        words += f", {tally.reused_answers:,} reused from other runs"
    return (
        f"{words}, {tally.rows_without_cost:,} without cost" if tally.rows_without_cost else words
    )


def _again_words(found: Reconciliation) -> str:
    if not found.rows_charged_again:
        return "no row was billed more than once"
    calls = format_count(found.charged_calls - len(found.rows), "call")
    rows = format_count(len(found.rows_charged_again), "row")
    return f"{rows} billed more than once: {calls} and {format_usd(found.extra_nano_usd)} extra"


def _name_doubts(facts: RunFacts, found: Reconciliation, reader: LogReader) -> Iterator[str]:
    """Yield a sentence for each reason why the figures may still change or differ."""
    if found.calls_unpriced:
        yield f"The log names no cost for {format_count(found.calls_unpriced, 'call')}."
    if not reader.is_settled:
        yield "The log was still growing while it was read. Run this command again later."
    manifest = facts.manifest
    if manifest is None:
        return
    if missing := found.answers_without_charge(manifest):
        yield (
            f"The log has no billed call for {format_count(missing, 'completed row')}. The log lags behind, "
            f"so run this command again. If it stays so, try --since, and check that this is the run's key."
        )
    # Missing calls explain a difference, so it is named only if no call is missing.
    difference = found.cost_nano_usd - found.extra_nano_usd - manifest.tally.cost_nano_usd
    if difference and not missing:
        yield f"The log, without extra calls, differs from the manifest by {format_usd(difference)}."


def _format_moment(moment_us: int) -> str:
    return f"{datetime.fromtimestamp(moment_us / US_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
