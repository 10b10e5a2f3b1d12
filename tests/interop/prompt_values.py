"""One file for each row of the docs' table of how a value reads in a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tests.fakes.footers import (
    annotated,
    decimal_of,
    int96,
    int96_array,
    int96_file,
    logical,
    time_of,
    variant,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOON_US = 1_769_862_600_000_000
"""2026-01-31T12:30:00."""


@dataclass(frozen=True, slots=True)
class Value:
    """A column of one value, as a table of the docs names it, and the file that holds it."""

    kind: str
    shown: str
    write: Callable[[], bytes]


def arrow(kind: str, shown: str, value: Any, arrow_type: pa.DataType | None = None) -> Value:
    """A value that pyarrow writes; with Arrow's schema beside Parquet's, as Arrow's users do."""

    def write() -> bytes:
        return written(pa.table({"x": pa.array([value], arrow_type)}), store_schema=True)

    return Value(kind, shown, write)


def plain(kind: str, shown: str, array: pa.Array, **words: Any) -> Value:
    """A value with an annotation of its own."""
    return Value(kind, shown, lambda: annotated(pa.table({"x": array}), "x", **words))


def days_to(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date in any year."""
    cycles, within = divmod(year - 1, 400)
    days = date(within + 1, month, day).toordinal() - date(1970, 1, 1).toordinal()
    return days + cycles * 146_097


VALUES: tuple[Value, ...] = (
    arrow("STRING", "`größer {n}`", "größer {n}"),
    plain("ENUM", "`open`", pa.array([b"open"]), converted=4, logical=logical(4)),
    plain("JSON", '`{"a": 1}`', pa.array([b'{"a": 1}']), converted=19, logical=logical(12)),
    plain(
        "UUID", "sixteen bytes", pa.array([bytes(range(16))], pa.binary(16)), logical=logical(14)
    ),
    arrow("BOOLEAN", "true", True),
    arrow("INT(8) to INT(64)", "-2⁶³", -(2**63)),
    arrow("UINT(8) to UINT(64)", "2⁶⁴ - 1", 2**64 - 1, pa.uint64()),
    arrow("FLOAT16", "0.1", 0.1, pa.float16()),
    arrow("FLOAT", "0.1", 0.1, pa.float32()),
    arrow("FLOAT", "16777216", 16777216.0, pa.float32()),
    arrow("DOUBLE", "0.1", 0.1),
    arrow("DOUBLE", "minus zero", -0.0),
    arrow("DOUBLE", "10³⁰⁰", 1e300),
    arrow("DOUBLE", "not a number", float("nan")),
    arrow("DOUBLE", "minus infinity", float("-inf")),
    arrow("DECIMAL", "1.50", Decimal("1.50"), pa.decimal128(9, 2)),
    arrow("DECIMAL", "0 with 18 places", Decimal(0), pa.decimal128(38, 18)),
    plain(
        "DECIMAL",
        "0.07, stored as INT32",
        pa.array([7], pa.int32()),
        converted=5,
        logical=decimal_of(5, 2),
    ),
    arrow("DATE", "31 January 2026", date(2026, 1, 31)),
    arrow("DATE", "15 March of 45 BC", days_to(-44, 3, 15), pa.date32()),
    arrow("DATE", "1 January 12026", days_to(12026, 1, 1), pa.date32()),
    arrow("TIME", "half past twelve", 45_000_000, pa.time32("ms")),
    arrow("TIME", "and 5 microseconds", 45_000_000_005, pa.time64("us")),
    arrow("TIME", "and 5 nanoseconds", 45_000_000_000_005, pa.time64("ns")),
    plain(
        "TIME, UTC",
        "half past twelve",
        pa.array([45_000_000], pa.int32()),
        converted=7,
        logical=time_of(7, 1, is_utc=True),
    ),
    arrow("TIMESTAMP, local", "milliseconds", NOON_US // 1000 + 7, pa.timestamp("ms")),
    arrow("TIMESTAMP, local", "microseconds", NOON_US + 5, pa.timestamp("us")),
    arrow("TIMESTAMP, local", "nanoseconds", NOON_US * 1000 + 5, pa.timestamp("ns")),
    arrow("TIMESTAMP, local", "the year 12026", days_to(12026, 1, 1) * 86400, pa.timestamp("s")),
    arrow("TIMESTAMP, UTC", "a whole second", NOON_US, pa.timestamp("us", "UTC")),
    arrow(
        "TIMESTAMP, Europe/Berlin", "a whole second", NOON_US, pa.timestamp("us", "Europe/Berlin")
    ),
    arrow("TIMESTAMP, +05:30", "a whole second", NOON_US, pa.timestamp("us", "+05:30")),
    arrow("TIMESTAMP, Mars/Olympus", "a whole second", NOON_US, pa.timestamp("us", "Mars/Olympus")),
    Value(
        "INT96",
        "31 December 9999",
        lambda: int96_file({"x": int96_array([int96(2_440_588 + days_to(9999, 12, 31), 0)])}),
    ),
    arrow("INT64 of Arrow's duration", "a day and 4.5 s", 86_404_500, pa.duration("ms")),
    arrow("INT64 of Arrow's duration", "minus one second", -1, pa.duration("s")),
    arrow("LIST", "of numbers and a null", [1, None, 3]),
    arrow("LIST", "of decimals", [Decimal("0.10")], pa.list_(pa.decimal128(5, 2))),
    arrow("STRUCT", "of a date and a float", {"d": date(2026, 1, 31), "f": float("nan")}),
    arrow("MAP", "of two pairs", [("a", 1), ("b", None)], pa.map_(pa.string(), pa.int64())),
    arrow(
        "a dictionary of Arrow's or pandas' categories",
        "`b`",
        "b",
        pa.dictionary(pa.int8(), pa.string()),
    ),
    arrow("any", "null", None, pa.int64()),
    arrow("BYTE_ARRAY", "any", b"text or not"),
    arrow("FIXED_LEN_BYTE_ARRAY", "any", b"abcd", pa.binary(4)),
    plain("BSON", "any", pa.array([b"\x05\x00\x00\x00\x00"]), converted=20, logical=logical(13)),
    plain("INTERVAL", "any", pa.array([bytes(12)], pa.binary(12)), converted=21),
    plain("GEOMETRY, GEOGRAPHY", "any", pa.array([bytes(21)]), logical=logical(17)),
    plain(
        "VARIANT",
        "any",
        pa.array([{"metadata": b"\x01\x00\x00", "value": b"\x00"}]),
        logical=variant(),
    ),
)
