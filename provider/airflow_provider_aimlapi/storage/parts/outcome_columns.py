"""The columns that a run adds to its input, written from outcomes and read back to outcomes.

Knows no file and no column of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa

from airflow_provider_aimlapi.core.calls.completion import RESENT_STATUSES, Outcome, Status
from airflow_provider_aimlapi.core.durable.bounds import (
    TOTAL_NANO_USD_MAX,
    Attempts,
    Count,
    MomentUs,
)
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
    from collections.abc import Sequence

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
    def names(self) -> tuple[str, ...]:
        """The columns of the answers, then the info column."""
        return tuple(field.name for field in self.fields())

    @property
    def answers(self) -> AnswerColumns:
        """The columns of the answers."""
        return answer_columns(self.output_column, self.kind)

    def fields(self) -> tuple[pa.Field, ...]:
        """Return the columns' names and types."""
        return (*self.answers.fields(), pa.field(self.info_name, INFO_TYPE))

    def arrays(self, outcomes: Sequence[Outcome]) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return the columns' values, one for each outcome, in the same order."""
        columns = [_column(outcomes, name, kind) for name, kind in _INFO_FIELDS]
        infos = pa.StructArray.from_arrays(columns, fields=list(INFO_TYPE))
        return (*self.answers.arrays([outcome.text for outcome in outcomes]), infos)

    def leaves(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns that `read` needs."""
        return (*self.answers.leaves(), *self._info_leaves(_Info))

    def cost_leaves(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns that `read_rejected_costs` needs."""
        return self._info_leaves(_Cost)

    def read(self, table: pa.Table, *, characters_max: int) -> list[Outcome]:
        """Return the outcomes in a table of `leaves`, in row order.

        Args:
            characters_max: the limit of the answers and errors together.

        Raises:
            ValueError: a value is not one that a run writes, or there are too many characters.
        """
        infos = msgspec.convert(self._info_rows(table), list[_Info])
        room = TextRoom(characters_max)
        room.take(info.error for info in infos)
        room.take(info.raw for info in infos)
        texts = self.answers.texts(table, room)
        pairs = zip(texts, infos, strict=True)
        return [
            _outcome(row, self._answer(text, info), info) for row, (text, info) in enumerate(pairs)
        ]

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

    def _answer(self, text: str | None, info: _Info) -> str | None:
        """Return a row's answer. If each property has a column, an answer may consist of nulls."""
        if text is None and self.kind is not None and info.status == "ok":
            return text_of_nulls(self.kind)
        return text

    def _info_leaves(self, kind: type[msgspec.Struct]) -> tuple[Leaf, ...]:
        return tuple(
            Leaf(
                f"{self.info_name}.{name}",
                is_text=INFO_TYPE.field(name).type == pa.string(),
                is_repeated=False,
            )
            for name in kind.__struct_fields__
        )

    def _info_rows(self, table: pa.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for chunk in table.column(self.info_name).chunks:
            names = [field.name for field in chunk.type]
            values = map(shared_values, chunk.flatten())
            rows += (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return rows


def _column(outcomes: Sequence[Outcome], name: str, kind: pa.DataType) -> pa.Array:
    values = list(map(attrgetter(_FROM_OUTCOME.get(name, name)), outcomes))
    if kind == pa.string():
        return string_column(values)
    if name == "cost_usd":
        values = [None if nano is None else nano / NANO_USD_PER_USD for nano in values]
    return number_column(values, kind)


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
