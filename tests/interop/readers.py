"""What readers other than Arrow see in a file: of each column that they can read, type and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Seen = dict[str, tuple[str, str]]
"""Of each column, the type, and the values as Python shows them."""


def by_duckdb(paths: Sequence[str], rows: int) -> Seen:
    """What DuckDB reads, column by column where it cannot read all of them."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            relation = connection.read_parquet(list(paths)).limit(rows)
            columns = list(zip(relation.columns, map(str, relation.types), strict=True))
        except duckdb.Error:
            return {}
        return _each(columns, lambda name: relation.project(_quoted(name)).fetchall(), duckdb.Error)


def by_polars(paths: Sequence[str], rows: int) -> Seen:
    """What Polars reads."""
    try:
        frame = pl.scan_parquet(list(paths), hive_partitioning=False).head(rows)
        columns = [(name, str(kind)) for name, kind in frame.collect_schema().items()]
    except pl.exceptions.PolarsError:
        return {}
    return _each(
        columns,
        lambda name: frame.select(pl.col(name)).collect()[name].to_list(),
        pl.exceptions.PolarsError,
    )


def _each(
    columns: list[tuple[str, str]], read: Callable[[str], Any], error: type[Exception]
) -> Seen:
    seen: Seen = {}
    for name, kind in columns:
        try:
            seen[name] = (kind, repr(read(name)))
        except error:
            continue
    return seen


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
