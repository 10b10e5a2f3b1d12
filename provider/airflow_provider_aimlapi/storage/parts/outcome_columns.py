"""The columns that a run adds to its input, written from outcomes and read back to outcomes.

Knows no file and no column of the input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa

from airflow_provider_aimlapi.core.calls.completion import RESENT_STATUSES, Outcome, Status
from airflow_provider_aimlapi.core.durable.bounds import (
    ATTEMPTS_MAX,
    COUNT_MAX,
    MOMENT_US_MAX,
    TOTAL_NANO_USD_MAX,
)
from airflow_provider_aimlapi.core.durable.keys import is_run_key
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.storage.arrow.answer_types import Leaf
from airflow_provider_aimlapi.storage.arrow.answer_values import TextRoom
from airflow_provider_aimlapi.storage.arrow.columns import (
    number_column,
    shared_values,
    string_column,
)
from airflow_provider_aimlapi.storage.parts.answer_columns import answer_columns, text_of_nulls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_aimlapi.core.schemas.kinds import Kind
    from airflow_provider_aimlapi.storage.parts.answer_columns import AnswerColumns

DEFAULT_OUTPUT_COLUMN = "completion"
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
    ("reused_from", pa.string()),
    ("saved_usd", pa.float64()),
    ("same_as", pa.string()),
)
INFO_TYPE = pa.struct(_INFO_FIELDS)
_FROM_OUTCOME = {
    "cost_usd": "cost_nano_usd",
    "completed_at": "completed_at_us",
    "saved_usd": "saved_nano_usd",
}
_TO_COLUMN = {field: name for name, field in _FROM_OUTCOME.items()}
_INFO_NAMES = tuple(name for name, _ in _INFO_FIELDS)
_FIELDS = tuple(name for name in Outcome.__struct_fields__ if name != "reason")
"""The fields of an outcome that a part's row decides, in order: `reason` is the last one."""
_NOT_STORED = {"partial_cost_nano_usd": 0}
"""Fields before the last stored one, with the value that a part's rows get."""
_MOST = {
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens"), COUNT_MAX),
    **dict.fromkeys(("reasoning_tokens", "cache_write_tokens"), COUNT_MAX),
    **dict.fromkeys(("cost_usd", "saved_usd"), TOTAL_NANO_USD_MAX),
    **dict.fromkeys(("attempts", "repairs"), ATTEMPTS_MAX),
    "completed_at": MOMENT_US_MAX,
}
"""The largest value of each numeric field; the least is 0."""

_ROW_POSITION = re.compile(r"[0-9]{1,9}:[0-9]{1,4}")
"""Part and row, as `same_as` names them."""

CostUsd = Annotated[float, msgspec.Meta(ge=0, le=TOTAL_NANO_USD_MAX / NANO_USD_PER_USD)]


class _Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a row that show whether it was rejected, and at what cost."""

    status: Status
    cost_usd: CostUsd | None


@dataclass(frozen=True, slots=True)
class OutcomeColumns:
    """The columns of the answers and the info column of one run.

    Attributes:
        output_column: of the job. The info column is `<output_column>_info`. None: each property of
            the answers has a column of its own, and the info column is `completion_info`.
        kind: the struct that the answers are; None for texts.
    """

    output_column: str | None
    kind: Kind | None = None

    @property
    def info_name(self) -> str:
        """The name of the info column."""
        return f"{self.output_column or DEFAULT_OUTPUT_COLUMN}_info"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the answers, then the info column."""
        return tuple(field.name for field in self.arrow_fields())

    @property
    def answer_columns(self) -> AnswerColumns:
        """The columns of the answers."""
        return answer_columns(self.output_column, self.kind)

    def arrow_fields(self) -> tuple[pa.Field, ...]:
        """Return the columns' names and types."""
        return (*self.answer_columns.arrow_fields(), pa.field(self.info_name, INFO_TYPE))

    def arrays_of_outcomes(
        self, outcomes: Sequence[Outcome]
    ) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return the columns' values, one for each outcome, in the same order."""
        columns = [_info_column(outcomes, name, kind) for name, kind in _INFO_FIELDS]
        infos = pa.StructArray.from_arrays(columns, fields=list(INFO_TYPE))
        return (*self.answer_columns.arrays_of_texts([outcome.text for outcome in outcomes]), infos)

    def leaf_columns(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns that `read_outcomes` needs."""
        return (*self.answer_columns.leaf_columns(), *self._info_leaves(_INFO_NAMES))

    def cost_leaves(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns that `read_rejected_costs` needs."""
        return self._info_leaves(_Cost.__struct_fields__)

    def read_outcomes(self, table: pa.Table, *, characters_max: int) -> list[Outcome]:
        """Return the outcomes in a table of `leaf_columns`, in row order.

        Args:
            characters_max: the limit of the answers and errors together.

        Raises:
            ValueError, OverflowError, msgspec.ValidationError: a value is not one that a run
                writes, or there are too many characters.
        """
        room = TextRoom(characters_max)
        chunks = [_checked_infos(chunk) for chunk in table.column(self.info_name).chunks]
        for columns in chunks:
            room.take_texts(columns["error"])
            room.take_texts(columns["raw"])
        texts = iter(self.answer_columns.read_texts(table, room))
        outcomes: list[Outcome] = []
        for columns in chunks:
            statuses = columns["status"]
            columns["row"] = list(range(len(outcomes), len(outcomes) + len(statuses)))
            columns["text"] = self._answers_of_rows(statuses, texts)
            # Not strict, because a field without a column repeats its value for ever.
            stored = zip(*(_stored_values(columns, name) for name in _FIELDS), strict=False)
            outcomes += msgspec.convert(list(stored), list[Outcome])
        return outcomes

    def read_rejected_costs(self, table: pa.Table) -> dict[int, int]:
        """Return the rejected rows in a table of `cost_leaves`, with their cost in nano-dollars.

        Raises:
            msgspec.ValidationError: a value is not one that a run writes.
        """
        rows = msgspec.convert(self._info_rows(table), list[_Cost])
        return {
            row: _nano_usd(found.cost_usd) or 0
            for row, found in enumerate(rows)
            if found.status in RESENT_STATUSES
        }

    def _answers_of_rows(
        self, statuses: Sequence[Any], texts: Iterator[str | None]
    ) -> list[str | None]:
        """Return the answers of these rows: the next of the texts.

        If each property has a column, an answer may consist of nulls.
        """
        found = list(islice(texts, len(statuses)))
        if self.kind is None:
            return found
        return [
            text_of_nulls(self.kind) if text is None and status == "ok" else text
            for text, status in zip(found, statuses, strict=True)
        ]

    def _info_leaves(self, fields: Iterable[str]) -> tuple[Leaf, ...]:
        return tuple(
            Leaf(
                f"{self.info_name}.{name}",
                is_text=INFO_TYPE.field(name).type == pa.string(),
                is_repeated=False,
            )
            for name in fields
        )

    def _info_rows(self, table: pa.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for chunk in table.column(self.info_name).chunks:
            names = [field.name for field in chunk.type]
            values = map(shared_values, chunk.flatten())
            rows += (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return rows


def _info_column(outcomes: Sequence[Outcome], name: str, kind: pa.DataType) -> pa.Array:
    values = list(map(attrgetter(_FROM_OUTCOME.get(name, name)), outcomes))
    if kind == pa.string():
        return string_column(values)
    if name.endswith("_usd"):
        values = [None if nano is None else nano / NANO_USD_PER_USD for nano in values]
    return number_column(values, kind)


def _checked_infos(infos: pa.StructArray) -> dict[str, list[Any]]:
    """Return the values of the info column by field, with amounts in nano-dollars.

    Raises:
        ValueError, OverflowError, msgspec.ValidationError: a value is not one that a run writes.
    """
    names = [field.name for field in infos.type]
    columns = dict(zip(names, map(shared_values, infos.flatten()), strict=True))
    for name in ("cost_usd", "saved_usd"):
        columns[name] = list(map(_nano_usd, columns[name]))
    # By column, because a check of each value would take as long as reading it.
    for name, most in _MOST.items():
        found = [value for value in columns[name] if value is not None]
        if found and not 0 <= min(found) <= max(found) <= most:
            raise msgspec.ValidationError(f"{name} is out of bounds")
    if not all(map(is_run_key, {*columns["reused_from"]} - {None})):
        raise msgspec.ValidationError("reused_from is no run key")
    if not all(map(_ROW_POSITION.fullmatch, {*columns["same_as"]} - {None})):
        raise msgspec.ValidationError("same_as is no row position")
    return columns


def _stored_values(columns: dict[str, list[Any]], field: str) -> Iterable[Any]:
    """Return the values of a field of the outcomes; those that no column has are constant."""
    if field in _NOT_STORED:
        return repeat(_NOT_STORED[field])
    return columns[_TO_COLUMN.get(field, field)]


def _nano_usd(cost_usd: float | None) -> int | None:
    """Return the exact amount: a double holds far more digits than a row's nano-dollars have."""
    return None if cost_usd is None else round(cost_usd * NANO_USD_PER_USD)
