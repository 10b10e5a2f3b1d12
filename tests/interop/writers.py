"""A file of every type that a writer has, and how that writer reads one back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import fastparquet
import pandas as pd
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 1, 31, 12, 30, 0, 5)  # noqa: DTZ001  what a column without a zone holds
FAR = datetime(9999, 12, 31)  # noqa: DTZ001
Read = dict[str, tuple[str, list[Any]]]
"""Of each column, how the writer calls its type, and its values."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a file with a column for each of its types, named as the docs name the type."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Read]


DUCKDB_VALUES = {
    "BOOLEAN": "true",
    "TINYINT": "1",
    "BIGINT": "9007199254740993",
    "UBIGINT": "18446744073709551615",
    "HUGEINT": "5",
    "FLOAT": "0.1",
    "DOUBLE": "'nan'",
    "DECIMAL(9,2)": "1.50",
    "DECIMAL(18,2)": "1.50",
    "DECIMAL(38,18)": "0",
    "VARCHAR": "'größer'",
    "ENUM": "'ok'",
    "JSON": """'{"a": 1}'""",
    "BLOB": "'ab'",
    "BIT": "'101'",
    "UUID": "'00010203-0405-0607-0809-0a0b0c0d0e0f'",
    "DATE": "'2026-01-31'",
    "TIME": "'12:30:00.000005'",
    "TIME_NS": "'12:30:00.000000005'",
    "TIMETZ": "'12:30:00+02'",
    "TIMESTAMP": "'9999-12-31'",
    "TIMESTAMP_S": "'2026-01-31 12:30:00'",
    "TIMESTAMP_MS": "'2026-01-31 12:30:00.007'",
    "TIMESTAMP_NS": "'2026-01-31 12:30:00.000000005'",
    "TIMESTAMPTZ": "'2026-01-31 12:30:00+00'",
    "INTERVAL": "'1 month 2 days 3 seconds'",
    "INTEGER[]": "[1, NULL]",
    "INTEGER[2]": "[1, 2]",
    "STRUCT(a INTEGER, b VARCHAR)": "{'a': 1, 'b': 'c'}",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1}",
    "GEOMETRY": "'POINT(1 2)'",
    "VARIANT": "5",
    "NULL": "NULL",
}


def _write_duckdb(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        casts = (f'{value}{_as(kind)} AS "{kind}"' for kind, value in DUCKDB_VALUES.items())
        connection.execute(f"COPY (SELECT {', '.join(casts)}) TO '{path}' (FORMAT parquet)")


def _as(kind: str) -> str:
    return {"ENUM": "::mood", "NULL": ""}.get(kind, f"::{kind}")


def _read_duckdb(path: Path) -> Read:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.read_parquet(str(path))
        rows = relation.fetchall()
        columns = zip(relation.columns, map(str, relation.types), strict=True)
        return {
            name: (kind, [row[place] for row in rows]) for place, (name, kind) in enumerate(columns)
        }


POLARS_VALUES: dict[str, tuple[Any, Any]] = {
    "Boolean": (pl.Boolean, True),
    "Int8": (pl.Int8, -1),
    "Int64": (pl.Int64, 2**53 + 1),
    "UInt64": (pl.UInt64, 2**64 - 1),
    "Float32": (pl.Float32, 0.1),
    "Float64": (pl.Float64, 1e300),
    "Decimal(38, 18)": (pl.Decimal(38, 18), Decimal(0)),
    "String": (pl.String, "größer"),
    "Categorical": (pl.Categorical, "a"),
    "Enum(['a', 'b'])": (pl.Enum(["a", "b"]), "b"),
    "Binary": (pl.Binary, b"ab"),
    "Date": (pl.Date, date(2026, 1, 31)),
    "Time": (pl.Time, time(12, 30, 0, 5)),
    "Datetime('ms')": (pl.Datetime("ms"), NOON.replace(microsecond=7000)),
    "Datetime('us')": (pl.Datetime("us"), FAR),
    "Datetime('ns')": (pl.Datetime("ns"), NOON),
    "Datetime('us', 'UTC')": (pl.Datetime("us", "UTC"), NOON.replace(tzinfo=UTC)),
    "Datetime('us', 'Europe/Berlin')": (
        pl.Datetime("us", "Europe/Berlin"),
        NOON.replace(tzinfo=UTC),
    ),
    "Duration('us')": (pl.Duration("us"), timedelta(days=1, seconds=4.5)),
    "List(Int64)": (pl.List(pl.Int64), [1, None]),
    "Array(Int64, 2)": (pl.Array(pl.Int64, 2), [1, 2]),
    "Struct({'a': Int64})": (pl.Struct({"a": pl.Int64}), {"a": 1}),
    "Null": (pl.Null, None),
}


def _write_polars(path: Path) -> None:
    pl.DataFrame(
        [pl.Series(name, [value], kind) for name, (kind, value) in POLARS_VALUES.items()]
    ).write_parquet(path)


def _read_polars(path: Path) -> Read:
    frame = pl.read_parquet(path, hive_partitioning=False)
    return {name: (str(frame.schema[name]), frame[name].to_list()) for name in frame.columns}


PANDAS_VALUES: dict[str, tuple[str, Any]] = {
    "bool": ("bool", True),
    "boolean": ("boolean", None),
    "int8": ("int8", 1),
    "Int64": ("Int64", 2**53 + 1),
    "uint64": ("uint64", 2**64 - 1),
    "float32": ("float32", 0.1),
    "float64": ("float64", 1e300),
    "str": ("str", "größer"),
    "string": ("string", "a"),
    "category": ("category", "a"),
    "object of bytes": ("object", b"ab"),
    "object of decimals": ("object", Decimal("1.50")),
    "object of dates": ("object", date(2026, 1, 31)),
    "object of times": ("object", time(12, 30, 0, 5)),
    "object of lists": ("object", [1, 2]),
    "object of dictionaries": ("object", {"a": 1}),
    "datetime64[ms]": ("datetime64[ms]", NOON.replace(microsecond=7000)),
    "datetime64[us]": ("datetime64[us]", FAR),
    "datetime64[ns]": ("datetime64[ns]", NOON),
    "datetime64[us, UTC]": ("datetime64[us, UTC]", NOON.replace(tzinfo=UTC)),
    "datetime64[us, Europe/Berlin]": ("datetime64[us, Europe/Berlin]", NOON.replace(tzinfo=UTC)),
    "timedelta64[ns]": ("timedelta64[ns]", timedelta(days=1, seconds=4.5)),
    "period[M]": ("period[M]", "2026-01"),
}


def _pandas_frame(values: dict[str, tuple[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([v], dtype=kind) for name, (kind, v) in values.items()})


def _write_pandas(path: Path) -> None:
    _pandas_frame(PANDAS_VALUES).to_parquet(path)


def _write_pandas_int96(path: Path) -> None:
    values = {
        "datetime64[ns] as INT96": PANDAS_VALUES["datetime64[ns]"],
        "datetime64[ns, Europe/Berlin] as INT96": (
            "datetime64[ns, Europe/Berlin]",
            NOON.replace(tzinfo=UTC),
        ),
    }
    _pandas_frame(values).to_parquet(path, use_deprecated_int96_timestamps=True)


def _read_pandas(path: Path) -> Read:
    frame = pd.read_parquet(path)
    return {name: (str(frame[name].dtype), frame[name].tolist()) for name in frame.columns}


FASTPARQUET_VALUES = {
    name: PANDAS_VALUES[name]
    for name in (
        *("bool", "int8", "uint64", "float32", "float64", "category"),
        *("object of bytes", "datetime64[ns]", "timedelta64[ns]"),
    )
} | {"object of texts": ("object", "größer"), "object of JSON": ("object", {"a": 1})}
OBJECT_ENCODING = {
    "object of bytes": "bytes",
    "object of texts": "utf8",
    "object of JSON": "json",
    "category": "utf8",
}


def _write_fastparquet(path: Path) -> None:
    fastparquet.write(
        str(path), _pandas_frame(FASTPARQUET_VALUES), object_encoding=OBJECT_ENCODING, stats=False
    )


def _write_fastparquet_int96(path: Path) -> None:
    frame = _pandas_frame({"datetime64[ns] as INT96": ("datetime64[ns]", NOON)})
    fastparquet.write(str(path), frame, times="int96", stats=False)


def _read_fastparquet(path: Path) -> Read:
    with path.open("rb") as file:  # it would leave a file open
        frame = fastparquet.ParquetFile(file).to_pandas()
    return {name: (str(frame[name].dtype), frame[name].tolist()) for name in frame.columns}


WRITERS = (
    Writer("DuckDB", _write_duckdb, _read_duckdb),
    Writer("Polars", _write_polars, _read_polars),
    Writer("pandas", _write_pandas, _read_pandas),
    Writer("pandas", _write_pandas_int96, _read_pandas),
    Writer("fastparquet", _write_fastparquet, _read_fastparquet),
    Writer("fastparquet", _write_fastparquet_int96, _read_fastparquet),
)
