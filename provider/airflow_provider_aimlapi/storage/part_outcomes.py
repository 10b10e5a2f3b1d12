"""Reads outcomes back out of a staged part: the inverse of `outcome_columns`. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.completion import Outcome
from airflow_provider_aimlapi.core.pricing import NANO_USD_PER_USD

if TYPE_CHECKING:
    from typing import Any

_AS_THEY_STAND = (
    "status",
    "error",
    "finish_reason",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "attempts",
    "inference_id",
    "request_hash",
)


def part_outcomes(data: bytes, *, output_column: str) -> list[Outcome]:
    """The outcomes of a part, in row order; `data` has passed `part_writer.read_part_entry`."""
    table = _read(data, [output_column, f"{output_column}_info"])
    texts = table.column(output_column).to_pylist()
    infos = _with_microseconds(table.column(f"{output_column}_info"))
    return [_outcome(row, *pair) for row, pair in enumerate(zip(texts, infos, strict=True))]


def rejected_rows(data: bytes, *, output_column: str) -> dict[int, int]:
    """The rejected rows of a part, and what their answers cost all the same, in nano-dollars."""
    info = f"{output_column}_info"
    columns = _read(data, [f"{info}.status", f"{info}.cost_usd"]).flatten()
    statuses = columns.column(f"{info}.status").to_pylist()
    costs_usd = columns.column(f"{info}.cost_usd").to_pylist()
    return {
        row: _nano_usd(costs_usd[row]) or 0
        for row, status in enumerate(statuses)
        if status == "rejected"
    }


def _read(data: bytes, columns: list[str]) -> pa.Table:
    with pq.ParquetFile(pa.BufferReader(data), pre_buffer=False) as file:
        return file.read(columns, use_threads=False)


def _with_microseconds(column: pa.ChunkedArray) -> list[dict[str, Any]]:
    """Each row's struct, its instant as the integer that it was made from."""
    infos: list[dict[str, Any]] = []
    for chunk in column.chunks:
        fields = chunk.flatten()
        names = [field.name for field in chunk.type]
        at = names.index("completed_at")
        fields[at] = fields[at].cast(pa.int64())
        infos += pa.Table.from_arrays(fields, names=names).to_pylist()
    return infos


def _outcome(row: int, text: str | None, info: dict[str, Any]) -> Outcome:
    return Outcome(
        row=row,
        text=text,
        cost_nano_usd=_nano_usd(info["cost_usd"]),
        completed_at_us=info["completed_at"],
        **{name: info[name] for name in _AS_THEY_STAND},
    )


def _nano_usd(cost_usd: float | None) -> int | None:
    """Exact: a double holds far more digits than a row's nano-dollars have."""
    return None if cost_usd is None else round(cost_usd * NANO_USD_PER_USD)
