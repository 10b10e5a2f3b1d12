"""A shard's input columns and outcomes as one Parquet file in memory."""

from __future__ import annotations

import io
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.manifest import tally_of
from airflow_provider_aimlapi.storage.arrow.memory import give_back
from airflow_provider_aimlapi.storage.parquet.footer import with_annotations
from airflow_provider_aimlapi.storage.parquet.footer_metadata import carried_metadata
from airflow_provider_aimlapi.storage.parts.part_footer import PartFooter, footer_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns

ROW_GROUP_BYTES_MAX = 8 * 1024 * 1024
"""Decoded input in a row group of a part, which is also held in memory while encoding."""


def encode_part(
    data_set: DataSet,
    shard: Shard,
    outcomes: Sequence[Outcome],
    *,
    outcome_columns: OutcomeColumns,
    run_key: str,
    epoch: int,
) -> bytes:
    """Return the Parquet file of a shard: its input columns, then its outcome columns.

    Args:
        outcomes: one for each row of the shard, in any order.

    Raises:
        ValueError: the outcomes are not exactly one for each row.
        InputUnreadable, StoreUnavailable: the input cannot be read again.
    """
    ordered = _in_row_order(outcomes, shard.rows)
    groups = _row_groups(data_set.read_tables(shard))
    # The metadata of the first batch is the file's own. An empty shard has none.
    first = next(groups, None)
    schema = _output_schema(data_set, shard, first, outcome_columns)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=1) as writer:
        start = 0
        for batches in chain([first] if first else [], groups):
            rows = sum(batch.num_rows for batch in batches)
            table = pa.Table.from_batches(batches)
            columns = [
                *table.columns,
                *outcome_columns.arrays_of_outcomes(ordered[start : start + rows]),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=rows)
            start += rows
        # pyarrow writes the footer at the end, so the hash covers everything before it.
        footer = PartFooter(
            run_key=run_key,
            part=shard.part,
            epoch=epoch,
            rows=shard.rows,
            tally=tally_of(ordered),
            sha256=sha256(sink.getbuffer()).hexdigest(),
            body_bytes=sink.tell(),
        )
        writer.add_key_value_metadata(footer_metadata(footer))
    if start != shard.rows:
        raise ValueError(f"part {shard.part} has {shard.rows} rows, but {start} were read")
    give_back()
    return with_annotations(sink.getvalue(), data_set.schemas[shard.file].parquet)


def _in_row_order(outcomes: Sequence[Outcome], rows: int) -> list[Outcome]:
    ordered = sorted(outcomes, key=lambda outcome: outcome.row)
    if [outcome.row for outcome in ordered] != list(range(rows)):
        raise ValueError(f"{len(outcomes)} outcomes are not one for each of {rows} rows")
    return ordered


def _output_schema(
    data_set: DataSet,
    shard: Shard,
    batches: list[pa.RecordBatch] | None,
    outcome_columns: OutcomeColumns,
) -> pa.Schema:
    own = batches[0].schema.metadata if batches else data_set.schema.metadata
    added = outcome_columns.arrow_fields()
    rows = range(shard.first_row, shard.first_row + shard.rows)
    kept = carried_metadata(own, spark=data_set.spark_schema(added), added=added, rows=rows)
    return pa.schema([*data_set.schema, *added], metadata=kept)


def _row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Yield batches gathered into row groups; none for a shard without rows."""
    gathered: list[pa.RecordBatch] = []
    size_bytes = 0
    for batch in batches:
        gathered.append(batch)
        size_bytes += batch.nbytes
        if size_bytes >= ROW_GROUP_BYTES_MAX:
            yield gathered
            gathered, size_bytes = [], 0
    if gathered:
        yield gathered
