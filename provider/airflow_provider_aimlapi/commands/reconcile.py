"""`airflow-aimlapi reconcile`: a run's manifest beside the API's own log. Changes nothing, costs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.commands.terminal import say
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

MARGIN_US = 3600 * US_PER_S
"""Between our store's clock and the API's, and for calls that outlived the attempt that made them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileArguments:
    """What was typed.

    Attributes:
        output: a URL or a local path.
        run_key: None for the run in place.
        since_s: how far back the log is asked for; None for as far as the run's objects go.
        endpoint: the API, and the key that the run was made with.
        pace: keeps below the log's limit of requests.
    """

    output: str
    run_key: str | None
    since_s: float | None
    endpoint: Endpoint
    pace: Pace = field(default_factory=lambda: Pace(now_s=SystemClock().now_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the store knows of a run.

    Attributes:
        manifest: None while it is not published.
        visible_names: of the parts, by number.
        start_us, end_us: the first and the last time at which the log may tell of it.
    """

    names: RunNames
    uri: str
    manifest: Manifest | None
    visible_names: dict[int, str]
    start_us: int
    end_us: int


def reconcile(arguments: ReconcileArguments) -> Reconciliation:
    """Ask the log for a run's calls, and print what they cost beside what the manifest says.

    Raises:
        InvalidSpec: there is no such run. StorageError: it cannot be read.
        ApiError: the log did not answer, or the key may not ask.
    """
    facts = _facts(arguments)
    span = f"from {_moment(facts.start_us)} to {_moment(facts.end_us)}"
    say(f"Run {facts.names.run_key} at {facts.uri}")
    # A large log takes minutes, so this is said before.
    say(f"Asking the log {span}, {REQUESTS_A_MINUTE} pages a minute at the most")
    result, reader = asyncio.run(_ask(arguments, facts))
    for line in _lines(facts, result, reader):
        say(line)
    return result


async def _ask(arguments: ReconcileArguments, facts: RunFacts) -> tuple[Reconciliation, LogReader]:
    async with open_transport(connections_max=1, route=arguments.endpoint.route) as transport:
        reader = LogReader(
            ask=partial(fetch_log_page, arguments.endpoint, transport), pace=arguments.pace
        )
        found = await reader.reconcile(facts.names.run_key, facts.start_us, facts.end_us)
    return found, reader


def _facts(arguments: ReconcileArguments) -> RunFacts:
    fs, path = open_file_system(arguments.output)
    store = FsspecStore(fs, path)
    folder = _folder(store, StoredObjects(fs, path), arguments.run_key)
    names = RunNames(run_key=folder.run_key)
    plan = read_plan(store, names)
    start_us, end_us = _span(folder, arguments.since_s)
    return RunFacts(
        names=names,
        uri=store.uri(names.folder),
        manifest=read_manifest(store, names, plan) if plan else None,
        visible_names={shard.part: shard.visible_name for shard in plan.shards} if plan else {},
        start_us=start_us,
        end_us=end_us,
    )


def _span(folder: RunFolder, since_s: float | None) -> tuple[int, int]:
    """From and until when the log can tell of a run. The end may lie in the future: clocks differ.

    A file's time may be anything, also one that no calendar has: it counts up to now.
    """
    now_us = SystemClock().wall_us()
    if since_s is not None:
        return now_us - int(since_s * US_PER_S), now_us + MARGIN_US
    times = [
        min(max(stored.modified_us, MARGIN_US), now_us)
        for stored in folder.contents or folder.objects
    ]
    return min(times) - MARGIN_US, max(times) + MARGIN_US


def _folder(store: FsspecStore, stored: StoredObjects, run_key: str | None) -> RunFolder:
    wanted = run_key or shown_run(store)
    if wanted is None:
        raise InvalidSpec(
            f"No run is in place at {store.uri('')}. Name one with --run-key: it is in the task's "
            f"log, and the name of a folder below {RUNS_FOLDER}/."
        )
    folder = RunFolders(store, stored).one(wanted) if is_run_key(wanted) else None
    if folder is None:
        raise InvalidSpec(f"There is no run {wanted!r} at {store.uri(RUNS_FOLDER)}.")
    return folder


def _lines(facts: RunFacts, found: Reconciliation, reader: LogReader) -> Iterator[str]:
    yield f"Log       read in {format_count(reader.requests, 'request')}"
    billed = f"{format_count(found.calls, 'call')} for {format_count(len(found.rows), 'row')}"
    yield f"Billed    {billed}, {format_usd(found.cost_nano_usd)}"
    yield f"Manifest  {_manifest_words(facts.manifest)}"
    yield f"Again     {_again_words(found)}"
    for row in found.again:
        place = facts.visible_names.get(row.part, f"part {row.part}")
        cost = f"{format_usd(row.cost_nano_usd)}, {format_usd(row.extra_nano_usd)} of it extra"
        yield f"  {place} row {row.row}: {row.calls} calls, {cost}"
    yield from _doubts(facts, found, reader)


def _manifest_words(manifest: Manifest | None) -> str:
    if manifest is None:
        return "none: the run is not published"
    tally = manifest.tally
    words = f"{format_count(tally.completed, 'completed row')}, {format_usd(tally.cost_nano_usd)}"
    return (
        f"{words}, {tally.rows_without_cost:,} without cost" if tally.rows_without_cost else words
    )


def _again_words(found: Reconciliation) -> str:
    if not found.again:
        return "no row was billed more than once"
    calls = format_count(found.calls - len(found.rows), "call")
    rows = format_count(len(found.again), "row")
    return f"{rows} billed more than once: {calls} and {format_usd(found.extra_nano_usd)} extra"


def _doubts(facts: RunFacts, found: Reconciliation, reader: LogReader) -> Iterator[str]:
    """Why the figures may not be the last word, each a sentence."""
    if found.calls_unpriced:
        yield f"The log names no cost for {format_count(found.calls_unpriced, 'call')}."
    if not reader.is_settled:
        yield "The log was still growing while it was read: ask again later."
    manifest = facts.manifest
    if manifest is None:
        return
    if missing := found.missing(manifest):
        yield (
            f"The log has no billed call for {format_count(missing, 'completed row')}. Its rows appear "
            f"late: ask again. If they stay away, see --since, and whether this is the run's key."
        )
    difference = found.cost_nano_usd - found.extra_nano_usd - manifest.tally.cost_nano_usd
    if difference and not missing:
        yield f"Log, without the extra calls, less manifest: {format_usd(difference)}."


def _moment(moment_us: int) -> str:
    return f"{datetime.fromtimestamp(moment_us / US_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
