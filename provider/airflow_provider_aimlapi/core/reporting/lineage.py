"""The input of a run and what it adds, for a data catalogue: columns and sizes, nothing of a row."""

from __future__ import annotations

from dataclasses import dataclass

# Catalogues store a facet as one document. The first columns are enough to find a data set by.
COLUMNS_MAX = 1_000
# A nested type's name lists all fields, of which there may be thousands.
TYPE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, or a field of one.

    Attributes:
        type: Arrow's name of the type; "struct" for a column that has fields.
        fields: the fields of a struct.
    """

    name: str
    type: str
    fields: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A run's input, and the columns that it adds. Of very wide inputs it holds the first columns.

    Attributes:
        columns: of the input's files, in order. The output has them, too.
        folder_columns: the columns that only the names of hive folders hold.
        prompt_columns: the columns that the prompt uses.
        answers: the columns that the run adds.
        rows: rows of the input that are read.
        files: files that are read.
        size_bytes: bytes of these files, as stored.
        input_account, output_account: Azure's storage account; None elsewhere, or if unknown.
    """

    columns: tuple[Column, ...]
    folder_columns: tuple[Column, ...]
    prompt_columns: tuple[str, ...]
    answers: tuple[Column, ...]
    rows: int
    files: int
    size_bytes: int
    input_account: str | None = None
    output_account: str | None = None
