"""What the scans of a run cost: requests, bytes and seconds at a store that answers in 5 to 30 ms.

    python -m lab.benchmarks.scans                            some two minutes
    python -m lab.benchmarks.scans --parts 2000 --rows 5000   larger
    python -m lab.benchmarks.scans --only publication

Engine and storage code are the real ones. The store is in memory; it counts requests as S3 has them
(1,000 names to a listing or a removal), and waits before each. Runs that only make something to scan
happen in virtual time.

It judges nothing: `tests/runs/test_scan_requests.py` holds the counts to their limits.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import logging
import resource
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.engine.durable.earlier_attempts import (
    find_earlier_answers,
    read_journaled_rows,
)
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from lab.benchmarks.scan_runs import ScannedRun, SteadyApi
from tests.fakes.distant_files import DistantFiles
from tests.fakes.distant_store import DistantStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.durable.manifest import Manifest

WAITS_S = (0.005, 0.03)
MB = 1_000_000
WORKERS = 50
OPEN_PARTS = 6
"""As many parts of 5,000 rows may be open in one worker."""
FAILING = 0.02
PART_TEXT_BYTES = 1_000_000
"""So that a part is larger than its footer."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    logging.disable(logging.WARNING)
    for name, measure in MEASURES.items():
        if options.only in ("", name):
            say(f"{name:14} {measure(options)}")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=200)
    parser.add_argument("--rows", type=int, default=5000, help="of a file, for the journal")
    parser.add_argument("--files", type=int, default=4000, help="to plan, of 50 columns")
    parser.add_argument("--runs", type=int, default=10, help="at one output path")
    parser.add_argument("--only", default="", choices=["", *MEASURES])
    return parser.parse_args()


def journal(options: argparse.Namespace) -> str:
    """Count the most segments at any time, of one worker in virtual time: as usual, and at worst.

    At worst, one row of each part that may be open is answered last.
    """
    store = DistantStore()
    run = ScannedRun(files=4, rows=options.rows, store=store)
    run.attempt()
    worst = ScannedRun(files=OPEN_PARTS, rows=options.rows // OPEN_PARTS)
    worst.attempt_with_open_parts()
    return (
        f"{store.segments_max} segments at most for one worker with files of {options.rows:,} rows, so "
        f"{WORKERS * store.segments_max:,} for {WORKERS}; {request_counts(store)}\n{'':14} "
        f"{worst.store.segments_max} at most where {OPEN_PARTS} parts of {worst.rows:,} rows stay open, so "
        f"{WORKERS * worst.store.segments_max:,}; {request_counts(worst.store)}"
    )


def resume(options: argparse.Namespace) -> str:
    """Measure a run whose parts have a rejected row each, and old segments."""
    run = rejected_run(options.parts)
    return timed(
        run.store, lambda: find_earlier_answers(run.prepared(), SystemClock(), retry_rejected=False)
    )


def failures(options: argparse.Namespace) -> str:
    """Publish while requests fail."""
    published = 0
    for seed in range(5):
        run = complete_run(options.parts, DistantStore(seed=seed))
        prepared, manifest = run.prepared(), manifest_of(run)
        run.unpublish()
        run.store.failing = FAILING
        try:
            asyncio.run(
                persist_in_thread(
                    SystemClock(),
                    find_earlier_answers,
                    prepared,
                    SystemClock(),
                    retry_rejected=False,
                )
            )
            run.publish(manifest)
            published += 1
        except Exception as error:  # noqa: BLE001  # counted
            say(f"  {type(error).__name__}: {error}")
    return f"{published} of 5 attempts published {options.parts} parts with {FAILING:.0%} of requests failing"


def answers(options: argparse.Namespace) -> str:
    """Measure the memory of a resume with all answers in the journal, and no durable part."""
    run = ScannedRun(files=10, rows=options.rows // 10, store=DistantStore(keeps_segments=True))
    run.attempt(SteadyApi(text_bytes=2000))
    run.unpublish(run.store.kept)
    for name in run.store.list("_aimlapi/"):
        if "/parts/" in name:
            run.store.delete(name)
    prepared = run.prepared()
    gc.collect()
    tracemalloc.start()
    earlier = find_earlier_answers(prepared, SystemClock(), retry_rejected=False)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    read_journaled_rows(prepared, earlier, [0], SystemClock())
    _, peak_of_part = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stored = sum(map(len, run.store.kept.values()))
    journaled = sum(tally.rows for tally in earlier.journaled.values())
    return (
        f"{journaled:,} journaled answers of {stored / MB:.1f} MB: {kept / MB:.1f} MB kept, "
        f"{peak / MB:.1f} MB at the peak, {peak_of_part / MB:.1f} MB while those of a part are read"
    )


def planning(options: argparse.Namespace) -> str:
    """Measure the memory of planning, by the process's peak."""
    table = pa.table({f"column_{n:02}": [f"text {row}" for row in range(20)] for n in range(50)})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.files):
            Path(folder, f"{number:06}.parquet").write_bytes(sink.getvalue())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        data_set = open_data_set(LocalFileSystem(), folder)
        shards = plan_shards(data_set.files)
        data_set.check_values(shards)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return f"{grown / MB:.0f} MB for {options.files:,} files of 50 columns, {grown / options.files:,.0f} B each"


def publication(options: argparse.Namespace) -> str:
    """Measure the copying of all parts to their visible names, then of half of them."""
    run = complete_run(options.parts)
    manifest = manifest_of(run)
    run.unpublish()
    whole = timed(run.store, lambda: run.publish(manifest))
    gone = sorted(manifest.visible_names())[::2]
    for name in gone:
        run.store.delete(name)
    return f"{whole}\n{'':14} half of it missing: {timed(run.store, lambda: run.publish(manifest))}"


def earlier(options: argparse.Namespace) -> str:
    """Measure the preparation of a run at a path that has earlier runs."""
    store = DistantStore()
    for number in range(options.runs):
        run = ScannedRun(files=options.parts, rows=2, store=store, prompt=f"{number} {{body}}")
        run.attempt()
    last = ScannedRun(files=options.parts, rows=2, store=store, prompt="Last {body}")
    return f"after {options.runs} runs: {timed(store, last.prepared)}"


def columns(_: argparse.Namespace) -> str:
    """Measure reading one column of a small row group with many columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table({f"c{n}": list(range(300)) for n in range(2000)}), sink)
    files = DistantFiles({"wide.parquet": sink.getvalue()}, waits_s=WAITS_S)
    data_set = open_data_set(files, "wide.parquet")
    (shard,) = plan_shards(data_set.files)
    files.requests = 0
    began_s = time.perf_counter()
    rows = sum(map(len, data_set.checked_rows(shard, ["c1"])))
    return f"{rows} rows of 2,000 columns: {files.requests} requests, {time.perf_counter() - began_s:.2f} s"


def complete_run(parts: int, store: DistantStore | None = None, **api: object) -> ScannedRun:
    """Publish a run of small parts."""
    run = ScannedRun(files=parts, rows=2, store=store or DistantStore())
    run.attempt(SteadyApi(**api))  # type: ignore[arg-type]
    return run


def rejected_run(parts: int) -> ScannedRun:
    """Make a run with durable parts, each with a rejected row, and with its whole journal."""
    run = ScannedRun(files=parts, rows=2, store=DistantStore(keeps_segments=True))
    api = SteadyApi(rejected=frozenset(range(0, 2 * parts, 2)), text_bytes=PART_TEXT_BYTES)
    run.attempt(api)
    run.unpublish(run.store.kept)
    return run


def manifest_of(run: ScannedRun) -> Manifest:
    """Return the manifest of a published run."""
    manifest = run.prepared().manifest
    assert manifest is not None
    return manifest


def timed(store: DistantStore, scan: Callable[[], object]) -> str:
    """Run a scan while the store waits; return its requests and seconds."""
    store.forget()
    store.waits_s = WAITS_S
    began_s = time.perf_counter()
    scan()
    elapsed_s = time.perf_counter() - began_s
    store.waits_s = (0.0, 0.0)
    return f"{request_counts(store)}, {elapsed_s:.1f} s"


def request_counts(store: DistantStore) -> str:
    """Return the requests that were made, as text."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(store.requests.items()))
    return f"{kinds}; {store.read_bytes / MB:.2f} MB read"


def say(words: str) -> None:
    """Print a line at once."""
    print(words, flush=True)  # noqa: T201  # printing is what a benchmark is for


MEASURES: dict[str, Callable[[argparse.Namespace], str]] = {
    "planning": planning,  # first, because it reads the peak of the process
    "journal": journal,
    "resume": resume,
    "failures": failures,
    "answers": answers,
    "publication": publication,
    "earlier runs": earlier,
    "columns": columns,
}

if __name__ == "__main__":
    main()
