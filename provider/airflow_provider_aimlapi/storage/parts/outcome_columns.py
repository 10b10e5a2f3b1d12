"""The two columns that a run adds to its input, written from outcomes and read back to outcomes.

Knows no file and no column of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa

from airflow_provider_aimlapi.core.calls.completion import Outcome, Status
from airflow_provider_aimlapi.core.durable.bounds import (
    TOTAL_NANO_USD_MAX,
    Attempts,
    Count,
    MomentUs,
)
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.storage.arrow.columns import number_column, string_column

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    ("raw", pa.string()),
    ("repairs", pa.int32()),
)
INFO_TYPE = pa.struct(_INFO_FIELDS)
_FROM_OUTCOME = {"cost_usd": "cost_nano_usd", "completed_at": "completed_at_us"}

CostUsd = Annotated[float, msgspec.Meta(ge=0, le=TOTAL_NANO_USD_MAX / NANO_USD_PER_USD)]


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the struct column, with an instant as the integer that it was made from."""

    status: Status
    error: str | None
    finish_reason: str | None
    model: str | None
    prompt_tokens: Count | None
    completion_tokens: Count | None
    cached_tokens: Count | None
    cost_usd: CostUsd | None
    attempts: Attempts
    inference_id: str | None
    request_hash: str | None
    completed_at: MomentUs | None
    reasoning_tokens: Count | None
    cache_write_tokens: Count | None
    raw: str | None
    repairs: Attempts


class _Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a row that show whether it was rejected, and at what cost."""

    status: Status
    cost_usd: CostUsd | None


@dataclass(frozen=True, slots=True)
class OutcomeColumns:
    """The text column and the info column of one run.

    Attributes:
        text_name: `output_column` of the job; the info column is `<output_column>_info`.
    """

    text_name: str

    @property
    def names(self) -> tuple[str, str]:
        """The text column and the info column."""
        return self.text_name, f"{self.text_name}_info"

    def fields(self) -> tuple[pa.Field, pa.Field]:
        """Return the columns' names and types."""
        text, info = self.names
        return pa.field(text, pa.string()), pa.field(info, INFO_TYPE)

    def arrays(
        self, outcomes: Sequence[Outcome]
    ) -> tuple[pa.Array | pa.ChunkedArray, pa.StructArray]:
        """Return the columns' values, one for each outcome, in the same order."""
        texts = string_column([outcome.text for outcome in outcomes])
        columns = [_column(outcomes, name, kind) for name, kind in _INFO_FIELDS]
        return texts, pa.StructArray.from_arrays(columns, fields=list(INFO_TYPE))

    def paths(self) -> tuple[str, ...]:
        """Return the Parquet paths that `read` needs."""
        return (self.text_name, *self._info_paths(_Info))

    def cost_paths(self) -> tuple[str, ...]:
        """Return the Parquet paths that `read_rejected_costs` needs."""
        return self._info_paths(_Cost)

    def string_paths(self) -> tuple[str, ...]:
        """Return the paths whose values may repeat, so that each value is kept once."""
        text, info = self.names
        return (text, *(f"{info}.{field.name}" for field in INFO_TYPE if field.type == pa.string()))

    def read(self, table: pa.Table) -> list[Outcome]:
        """Return the outcomes in a table of `paths`, in row order.

        Raises:
            msgspec.ValidationError: a value is not one that a run writes.
        """
        texts = chain.from_iterable(map(_values, table.column(self.text_name).chunks))
        infos = msgspec.convert(self._info_rows(table), list[_Info])
        pairs = zip(texts, infos, strict=True)
        return [_outcome(row, text, info) for row, (text, info) in enumerate(pairs)]

    def read_rejected_costs(self, table: pa.Table) -> dict[int, int]:
        """Return the rejected rows in a table of `cost_paths`, with their cost in nano-dollars.

        Raises:
            msgspec.ValidationError: a value is not one that a run writes.
        """
        rows = msgspec.convert(self._info_rows(table), list[_Cost])
        return {
            row: _nano_usd(found.cost_usd) or 0
            for row, found in enumerate(rows)
            if found.status == "rejected"
        }

    def _info_paths(self, kind: type[msgspec.Struct]) -> tuple[str, ...]:
        _, info = self.names
        return tuple(f"{info}.{name}" for name in kind.__struct_fields__)

    def _info_rows(self, table: pa.Table) -> list[dict[str, Any]]:
        _, info = self.names
        rows: list[dict[str, Any]] = []
        for chunk in table.column(info).chunks:
            names = [field.name for field in chunk.type]
            values = map(_values, chunk.flatten())
            rows += (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return rows


def _column(outcomes: Sequence[Outcome], name: str, kind: pa.DataType) -> pa.Array:
    values = list(map(attrgetter(_FROM_OUTCOME.get(name, name)), outcomes))
    if kind == pa.string():
        return string_column(values)
    if name == "cost_usd":
        values = [None if nano is None else nano / NANO_USD_PER_USD for nano in values]
    return number_column(values, kind)


def _values(array: pa.Array) -> list[Any]:
    """Return an array's values; equal values of a dictionary are one object."""
    if isinstance(array, pa.DictionaryArray):
        texts = array.dictionary.to_pylist()
        return [None if index is None else texts[index] for index in array.indices.to_pylist()]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    values: list[Any] = array.to_pylist()
    return values


def _outcome(row: int, text: str | None, info: _Info) -> Outcome:
    return Outcome(
        row=row,
        status=info.status,
        text=text,
        error=info.error,
        finish_reason=info.finish_reason,
        model=info.model,
        prompt_tokens=info.prompt_tokens,
        completion_tokens=info.completion_tokens,
        cached_tokens=info.cached_tokens,
        cost_nano_usd=_nano_usd(info.cost_usd),
        attempts=info.attempts,
        inference_id=info.inference_id,
        request_hash=info.request_hash,
        completed_at_us=info.completed_at,
        reasoning_tokens=info.reasoning_tokens,
        cache_write_tokens=info.cache_write_tokens,
        raw=info.raw,
        repairs=info.repairs,
    )


def _nano_usd(cost_usd: float | None) -> int | None:
    """Return the exact amount: a double holds far more digits than a row's nano-dollars have."""
    return None if cost_usd is None else round(cost_usd * NANO_USD_PER_USD)
