"""The columns of a run's answers: a text, a struct, or one column for each property of a struct."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import pyarrow as pa
from pyarrow import compute as pc

from airflow_provider_aimlapi.storage.arrow.answer_arrays import answer_array
from airflow_provider_aimlapi.storage.arrow.answer_types import Leaf, arrow_type, leaf_columns
from airflow_provider_aimlapi.storage.arrow.answer_values import answer_values
from airflow_provider_aimlapi.storage.arrow.columns import shared_values, string_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aimlapi.core.schemas.kinds import Kind
    from airflow_provider_aimlapi.storage.arrow.answer_values import TextRoom

CHUNK_CHARACTERS_MAX = 2**29
"""The texts of a chunk take at most four bytes a character, and an array's texts at most 2 GB."""


class AnswerColumns(Protocol):
    """The columns of the answers."""

    def arrow_fields(self) -> tuple[pa.Field, ...]:
        """Return names and types."""

    def arrays_of_texts(
        self, texts: Sequence[str | None]
    ) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return the values of answers, given as texts. None for a row without one."""

    def leaf_columns(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns that `read_texts` needs."""

    def read_texts(self, table: pa.Table, room: TextRoom) -> list[str | None]:
        """Return the answers as texts; None for a row without one. The inverse of `arrays_of_texts`.

        Raises:
            ValueError: a value is not one that a run writes, or there are too many characters.
        """


def answer_columns(output_column: str | None, kind: Kind | None) -> AnswerColumns:
    """Return the columns of answers of a type; of texts, if there is no type."""
    if kind is None:
        return TextColumn(output_column or "")
    if output_column is None:
        return PropertyColumns(kind)
    return StructColumn(output_column, kind)


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One column of texts."""

    name: str

    def arrow_fields(self) -> tuple[pa.Field, ...]:
        """Return name and type."""
        return (pa.field(self.name, pa.string()),)

    def arrays_of_texts(
        self, texts: Sequence[str | None]
    ) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return the texts."""
        return (string_column(texts),)

    def leaf_columns(self) -> tuple[Leaf, ...]:
        """Return the column."""
        return (Leaf(self.name, is_text=True, is_repeated=False),)

    def read_texts(self, table: pa.Table, room: TextRoom) -> list[str | None]:
        """Return the texts. Equal ones are one object."""
        found = list(chain.from_iterable(map(shared_values, table.column(self.name).chunks)))
        room.take_texts(found)
        return found


@dataclass(frozen=True, slots=True)
class StructColumn:
    """One column of structs."""

    name: str
    kind: Kind

    def arrow_fields(self) -> tuple[pa.Field, ...]:
        """Return name and type."""
        return (pa.field(self.name, arrow_type(self.kind)),)

    def arrays_of_texts(
        self, texts: Sequence[str | None]
    ) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return the structs."""
        return (
            pa.chunked_array([answer_array(self.kind, part) for part in _decoded_answers(texts)]),
        )

    def leaf_columns(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns of the struct."""
        return tuple(leaf_columns(self.name, self.kind))

    def read_texts(self, table: pa.Table, room: TextRoom) -> list[str | None]:
        """Return each struct as JSON."""
        chunks = table.column(self.name).chunks
        return [
            _text_of_value(value)
            for chunk in chunks
            for value in answer_values(self.kind, chunk, room)
        ]


@dataclass(frozen=True, slots=True)
class PropertyColumns:
    """One column for each property. Without an answer, all are null."""

    kind: Kind

    def arrow_fields(self) -> tuple[pa.Field, ...]:
        """Return names and types."""
        return tuple(arrow_type(self.kind))

    def arrays_of_texts(
        self, texts: Sequence[str | None]
    ) -> tuple[pa.Array | pa.ChunkedArray, ...]:
        """Return a column for each property."""
        parts = [answer_array(self.kind, part).flatten() for part in _decoded_answers(texts)]
        return tuple(map(pa.chunked_array, zip(*parts, strict=True)))

    def leaf_columns(self) -> tuple[Leaf, ...]:
        """Return the Parquet columns of all properties."""
        return tuple(
            chain.from_iterable(leaf_columns(one.name, one.kind) for one in self.kind.properties)
        )

    def read_texts(self, table: pa.Table, room: TextRoom) -> list[str | None]:
        """Return each row as JSON; None for a row whose columns are all null."""
        found: list[str | None] = []
        for batch in table.select([field.name for field in self.arrow_fields()]).to_batches():
            fields = [batch.schema.field(index) for index in range(batch.num_columns)]
            is_null = reduce(pc.and_, (pc.is_null(column) for column in batch.columns))
            rows = pa.StructArray.from_arrays(batch.columns, fields=fields, mask=is_null)
            found += map(_text_of_value, answer_values(self.kind, rows, room))
        return found


def text_of_nulls(kind: Kind) -> str:
    """Return the answer whose columns are all null.

    Raises:
        ValueError: an answer of this type has a value.
    """
    if any(one.is_required and not one.is_nullable for one in kind.properties):
        raise ValueError("an answer is null")
    return _text_of_value({one.name: None for one in kind.properties if one.is_nullable}) or ""


def _decoded_answers(texts: Sequence[str | None]) -> Iterator[list[Any]]:
    """Yield the answers in parts, each of which an array can hold."""
    start = size = 0
    for row, text in enumerate(texts):
        size += len(text or "")
        if size > CHUNK_CHARACTERS_MAX and row > start:
            yield _parsed_texts(texts[start:row])
            start, size = row, len(text or "")
    yield _parsed_texts(texts[start:])


def _parsed_texts(texts: Sequence[str | None]) -> list[Any]:
    decode = msgspec.json.decode
    return [None if text is None else decode(text) for text in texts]


def _text_of_value(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
