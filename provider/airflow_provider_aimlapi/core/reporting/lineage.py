"""What a run reads and adds, as a catalogue of data is told: columns and sizes, nothing of a row."""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS_MAX = 1_000
TYPE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, or a field of one.

    Attributes:
        type: as Arrow spells it; "struct" for one with fields of its own.
        fields: of a struct.
    """

    name: str
    type: str
    fields: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A run's input, and what it adds to it. Bounded: of very wide inputs the first columns.

    Attributes:
        columns: of the input's files, in order; they are the output's too.
        folder_columns: those that only the names of hive folders hold.
        asked: names of the columns that the prompt is filled from.
        answers: the columns that the run adds.
        rows, files, size_bytes: of the input that is read; bytes as stored.
        input_account, output_account: Azure's storage account; None elsewhere, or unknown.
    """

    columns: tuple[Column, ...]
    folder_columns: tuple[Column, ...]
    asked: tuple[str, ...]
    answers: tuple[Column, ...]
    rows: int
    files: int
    size_bytes: int
    input_account: str | None = None
    output_account: str | None = None
