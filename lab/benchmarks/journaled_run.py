"""One run whose store is watched; a process of its own for each, started by `journal_cost`.

    python -m lab.benchmarks.journaled_run '{"source": …}'     prints what it cost, as JSON

With an S3 endpoint, requests are counted as they leave, retries included.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from fsspec.implementations.local import LocalFileSystem
from s3fs import S3FileSystem

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable.journal import decode_segment, encode_segment
from airflow_provider_aimlapi.engine.blocking import ask_prices, open_client
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from lab.benchmarks.cost import own_cost
from lab.benchmarks.counted_store import CountedStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

HAND_OVERS = 300


def main(options: dict[str, Any]) -> None:
    """Run the job and print what it took."""
    requests: Counter[str] = Counter()
    job = job_of(options, requests)
    settings = Settings(
        max_concurrency=options["in_flight"], unflushed_rows_max=options["unflushed"]
    )
    stores: list[CountedStore] = []

    def open_store(place: OpenLocation) -> ObjectStore:
        store = FsspecStore(place.fs, place.path)
        stores.append(CountedStore(store, is_dropping=options["is_dropping"]))
        return stores[-1]

    world = World(
        clock=SystemClock(),
        random=Random(1),  # noqa: S311  # jitter
        open_client=lambda: open_client(job.endpoint, settings, is_streaming=job.completion.stream),
        ask_prices=lambda model: ask_prices(job.endpoint, model),
        open_store=open_store,
        stop=StopSignal(),
    )
    report = asyncio.run(run(job, settings, world))
    cost = own_cost()
    (store,) = stores
    found = {
        "rows": report.tally.rows,
        "elapsed_s": report.elapsed_s,
        "operations": store.operations,
        "requests": requests,
        "segment_cpu_s": store.segment_cpu_s,
        "encode_us": encoding_us(store.segments),
        "hand_over_us": asyncio.run(hand_over_us()),
        **cost,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def job_of(options: dict[str, Any], requests: Counter[str]) -> Job:
    """Return the job. Its requests to S3 are counted."""
    output = OpenLocation(fs=LocalFileSystem(), path=options["target"])
    if options["s3_url"]:
        fs = S3FileSystem(
            endpoint_url=options["s3_url"], key="any", secret="any", skip_instance_cache=True
        )
        fs.connect()

        def count(request: Any, **_: Any) -> None:
            is_list = request.method == "GET" and "list-type" in parse_qs(
                urlsplit(request.url).query
            )
            requests["LIST" if is_list else request.method] += 1

        fs.s3.meta.events.register("before-send.s3", count)
        output = OpenLocation(fs=fs, path=options["target"])
    return Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=1024),
        prompt="Summarise in two sentences:\n\n{text}",
        system=None,
        output_column="completion",
        limit_rows=None,
        endpoint=Endpoint(base_url=options["api_url"], key="benchmark-key"),
        input=OpenLocation(fs=LocalFileSystem(), path=options["source"]),
        output=output,
    )


def encoding_us(segments: list[bytes]) -> float:
    """Measure the microseconds of CPU for encoding a row."""
    records = [list(decode_segment(data)) for data in segments]
    began_s = time.process_time()
    for batch in records:
        encode_segment(batch)
    return (time.process_time() - began_s) * 1e6 / max(1, sum(map(len, records)))


async def hand_over_us() -> float:
    """Measure the microseconds of CPU for passing work to a thread, as for a segment."""
    clock = SystemClock()
    began_s = time.process_time()
    for _ in range(HAND_OVERS):
        await persist_in_thread(clock, int)
    return (time.process_time() - began_s) * 1e6 / HAND_OVERS


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
