"""A complete run in a store, made without any call: plan, staged parts and manifest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.completion import Outcome
from airflow_provider_aimlapi.core.manifest import encode_manifest, manifest_of, tally_of
from airflow_provider_aimlapi.core.plan import Plan, Shard, encode_plan
from airflow_provider_aimlapi.storage.outcome_columns import added_fields, info_array
from airflow_provider_aimlapi.storage.part_footer import PartFooter, footer_metadata
from airflow_provider_aimlapi.storage.part_writer import part_entry

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.keys import RunNames
    from airflow_provider_aimlapi.core.manifest import Manifest
    from tests.fakes.memory_store import MemoryStore

ROWS = 3


def part_bytes(run_key: str, part: int) -> bytes:
    """A part of three answered rows, different for each run and number."""
    outcomes = [Outcome(row=row, status="ok", text=f"{run_key} {part}") for row in range(ROWS)]
    tally = tally_of(outcomes)
    footer = PartFooter(run_key=run_key, part=part, epoch=1, rows=ROWS, tally=tally)
    schema = pa.schema(added_fields("completion"), metadata=footer_metadata(footer))
    texts = pa.array([outcome.text for outcome in outcomes])
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([texts, info_array(outcomes)], schema=schema), sink)
    return sink.getvalue()


def stage_run(store: MemoryStore, names: RunNames, *visible: str) -> Manifest:
    """Put a run there that has these visible names, as it stands before it is put in place."""
    shards = tuple(
        Shard(part=part, file=0, first_row=part * ROWS, rows=ROWS, visible_name=name)
        for part, name in enumerate(visible)
    )
    store.create(names.plan, encode_plan(Plan(run_key=names.run_key, shards=shards), b"{}"))
    entries = []
    for shard in shards:
        data = part_bytes(names.run_key, shard.part)
        store.create(names.part(shard.part), data)
        tally = tally_of([Outcome(row=row, status="ok") for row in range(ROWS)])
        entries.append(part_entry(data, shard, names.part(shard.part), tally))
    manifest = manifest_of(names.run_key, entries)
    store.create(names.manifest, encode_manifest(manifest))
    return manifest
