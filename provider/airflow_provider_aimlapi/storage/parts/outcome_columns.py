"""Outcomes as the struct column that users read. Knows no file and no input column."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.storage.arrow.columns import number_column, string_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.completion import Outcome

_INFO_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("status", pa.string()),
    ("error", pa.string()),
    ("finish_reason", pa.string()),
    ("model", pa.string()),
    ("prompt_tokens", pa.int64()),
    ("completion_tokens", pa.int64()),
    ("cached_tokens", pa.int64()),
    ("cost_usd", pa.float64()),
    ("attempts", pa.int32()),
    ("inference_id", pa.string()),
    ("request_hash", pa.string()),
    ("completed_at", pa.timestamp("us", "UTC")),
    ("reasoning_tokens", pa.int64()),
    ("cache_write_tokens", pa.int64()),
)
INFO_TYPE = pa.struct(_INFO_FIELDS)
_FROM_OUTCOME = {"cost_usd": "cost_nano_usd", "completed_at": "completed_at_us"}


def added_fields(output_column: str) -> tuple[pa.Field, pa.Field]:
    """The columns that a part has beside the input's."""
    return pa.field(output_column, pa.string()), pa.field(f"{output_column}_info", INFO_TYPE)


def info_array(outcomes: Sequence[Outcome]) -> pa.StructArray:
    """The struct column of what is known of each row's outcome."""
    columns = [_column(outcomes, name, kind) for name, kind in _INFO_FIELDS]
    return pa.StructArray.from_arrays(columns, fields=list(INFO_TYPE))


def _column(outcomes: Sequence[Outcome], name: str, kind: pa.DataType) -> pa.Array:
    values = list(map(attrgetter(_FROM_OUTCOME.get(name, name)), outcomes))
    if kind == pa.string():
        return string_column(values)
    if name == "cost_usd":
        values = [None if nano is None else nano / NANO_USD_PER_USD for nano in values]
    return number_column(values, kind)
