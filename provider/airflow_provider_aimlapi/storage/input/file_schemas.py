"""The facts about each input file's footer: its schema, and what an output cannot carry over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.parquet.footer_metadata import (
    SPARK_CALENDAR_KEYS,
    SPARK_SCHEMA,
    left_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from airflow_provider_aimlapi.storage.input.parquet_files import FileFooter
    from airflow_provider_aimlapi.storage.parquet.schema import ParquetSchema

KNOWN_MAX = 16
"""The schemas that are compared with the next file's."""


@dataclass(frozen=True, slots=True)
class FileSchema:
    """A file's schema, in the forms of several writers.

    Attributes:
        arrow: as Arrow reads it.
        parquet: with the annotations that Arrow lacks.
        spark: Spark's own, in JSON; None if another writer wrote the file.
        left_out: the keys of its metadata that the output does not carry.
        is_old_calendar: whether Spark wrote its dates in the calendar from before 1582.
    """

    arrow: pa.Schema
    parquet: ParquetSchema
    spark: bytes | None
    left_out: tuple[str, ...]
    is_old_calendar: bool


def file_schema(footer: FileFooter) -> FileSchema:
    """Return the facts about a footer."""
    metadata = footer.arrow.metadata or {}
    return FileSchema(
        arrow=footer.arrow,
        parquet=footer.parquet,
        spark=metadata.get(SPARK_SCHEMA),
        left_out=tuple(left_out(metadata)),
        is_old_calendar=any(key in metadata for key in SPARK_CALENDAR_KEYS),
    )


class SharedSchemas:
    """Keeps one object for all files with the same schema.

    Safe to use from threads: at worst, two objects are kept for one schema.
    """

    def __init__(self) -> None:
        self._known: list[FileSchema] = []

    def share_schema(self, schema: FileSchema) -> FileSchema:
        """Return the object for a schema that is equal to this one."""
        for known in reversed(self._known):
            if known == schema:
                return known
        # A new list instead of a change, because another thread may be reading the old one.
        self._known = [*self._known[1 - KNOWN_MAX :], schema]
        return schema


def text_columns(schemas: Sequence[FileSchema]) -> frozenset[str]:
    """Return the columns whose byte arrays are text in each file that has the column."""
    # By identity, because equal schemas are shared. Ten thousand files have a few of them.
    distinct = {id(one.parquet): one.parquet for one in schemas}.values()
    names = [set(one.column_names()) for one in distinct]
    bytes_in = (mine - one.text_columns() for mine, one in zip(names, distinct, strict=True))
    return frozenset().union(*names).difference(*bytes_in)


def describe_losses(schemas: Sequence[FileSchema], *, can_keep_spark: bool) -> Iterator[str]:
    """Yield a sentence for each kind of content that the output will not hold."""
    keys = dict.fromkeys(key for one in schemas for key in one.left_out)
    if keys:
        yield (
            f"The output's files leave out {', '.join(keys)} of the input's footers: a schema in "
            f"one writer's own form, whose readers would refuse the new columns."
        )
    columns = dict.fromkeys(name for one in schemas for name in one.parquet.noted)
    if columns:
        yield (
            f"The output's files leave out what the input's footers note for single pieces of "
            f"columns: {', '.join(columns)}."
        )
    if any(one.spark for one in schemas) and not can_keep_spark:
        yield (
            "The output's files leave out Spark's own schema, because the input's files do not "
            "have the same. Spark will read their columns by their Parquet types: INT96 "
            "becomes TIMESTAMP_NTZ, in UTC."
        )
    if any(one.is_old_calendar for one in schemas):
        yield (
            "Spark wrote this input in its old calendar. In prompts, and to other readers, dates "
            "before 1582-10-15 differ by some days, and times before 1900 by some minutes."
        )
