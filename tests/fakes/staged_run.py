"""A complete run in a store, made without a call: plan, staged parts and manifest."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.durable.manifest import (
    PartEntry,
    encode_manifest,
    manifest_of,
    tally_of,
)
from airflow_provider_aimlapi.core.durable.plan import Plan, Shard, encode_plan
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import (
    PartFooter,
    footer_bytes,
    footer_metadata,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from tests.fakes.memory_store import MemoryStore

ROWS = 3


def part_bytes(run_key: str, part: int) -> bytes:
    """Return a part of three answered rows, different for each run and number."""
    outcomes = [Outcome(row=row, status="ok", text=f"{run_key} {part}") for row in range(ROWS)]
    tally = tally_of(outcomes)
    columns = OutcomeColumns("completion")
    schema = pa.schema(columns.arrow_fields())
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema) as writer:
        writer.write_table(
            pa.Table.from_arrays(columns.arrays_of_outcomes(outcomes), schema=schema)
        )
        footer = PartFooter(
            run_key=run_key,
            part=part,
            epoch=1,
            rows=ROWS,
            tally=tally,
            sha256=sha256(sink.getvalue()).hexdigest(),
            body_bytes=sink.tell(),
        )
        writer.add_key_value_metadata(footer_metadata(footer))
    return sink.getvalue()


def entry_of(data: bytes, shard: Shard, names: RunNames) -> PartEntry:
    """Return a manifest's entry for a part with these bytes."""
    return PartEntry(
        part=shard.part,
        staged_name=names.part_name(shard.part),
        visible_name=shard.visible_name,
        sha256=sha256(data[: -footer_bytes(data)]).hexdigest(),
        size_bytes=len(data),
        tally=tally_of([Outcome(row=row, status="ok") for row in range(shard.rows)]),
    )


def stage_run(store: MemoryStore, names: RunNames, *visible: str) -> Manifest:
    """Store a run with these visible names, as it is before it is shown."""
    shards = tuple(
        Shard(part=part, file=0, first_row=part * ROWS, rows=ROWS, visible_name=name)
        for part, name in enumerate(visible)
    )
    store.create(names.plan_name, encode_plan(Plan(run_key=names.run_key, shards=shards), b"{}"))
    entries = []
    for shard in shards:
        data = part_bytes(names.run_key, shard.part)
        store.create(names.part_name(shard.part), data)
        entries.append(entry_of(data, shard, names))
    manifest = manifest_of(names.run_key, entries)
    store.create(names.manifest_name, encode_manifest(manifest))
    return manifest
