"""Reads INT96 timestamps, the default of Spark, Hive and Impala, without loss.

An INT96 is a day and a nanosecond of that day, which is more than 64 bits hold. Arrow reads it modulo
2**64: in nanoseconds, 9999-12-31 becomes 1816-03-29, and in microseconds the rest is cut. So the
metadata is changed to say that the column holds 12 bytes, and the two numbers are extracted here.
"""

from __future__ import annotations

import struct

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.storage.arrow.columns import number_column
from airflow_provider_aimlapi.storage.parquet.footer import INT96_BYTES, int96_as_bytes

_PAIR = struct.Struct("<qi")
_NS_PER_US = 1000
_US_PER_DAY = 86_400 * 10**6
_EPOCH_DAY = 2_440_588
"""The Julian day of 1970-01-01, because INT96 counts Julian days."""
_US_MIN, _US_MAX = -(2**63), 2**63 - 1
_SPARK_OVERFLOW_MIN = _US_MIN - _EPOCH_DAY * _US_PER_DAY
"""Spark's own count of microseconds overflows in the year 287,517, and its reader reverses that."""


def holds_int96(parquet: pq.ParquetFile) -> bool:
    """Return whether a file has a column of INT96, at any depth."""
    schema = parquet.schema
    return any(schema.column(index).physical_type == "INT96" for index in range(len(schema)))


def metadata_as_bytes(metadata: pq.FileMetaData) -> pq.FileMetaData:
    """Return a file's metadata, changed to say that its INT96 columns are 12 bytes wide."""
    sink = pa.BufferOutputStream()
    metadata.write_metadata_file(sink)
    changed = int96_as_bytes(sink.getvalue().to_pybytes())
    return pq.read_metadata(pa.BufferReader(changed))


class InexactInt96(ValueError):
    """A value does not fit into microseconds. The text names its kind."""


def timestamps_of(array: pa.FixedSizeBinaryArray) -> pa.Array:
    """Return the times, in microseconds, of INT96 values that were read as 12 bytes.

    Raises:
        InexactInt96: one of them does not fit into microseconds.
    """
    start = array.offset * INT96_BYTES
    data = memoryview(array.buffers()[1])[start : start + len(array) * INT96_BYTES]
    is_there = array.is_valid().to_pylist()
    pairs = zip(_PAIR.iter_unpack(data), is_there, strict=True)
    moments = [_microseconds_since_epoch(*pair) if there else None for pair, there in pairs]
    return number_column(moments, pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


def _microseconds_since_epoch(nanoseconds: int, day: int) -> int:
    """Return the microseconds since 1970."""
    whole, rest = divmod(nanoseconds, _NS_PER_US)
    if rest:
        raise InexactInt96("times between two microseconds")
    moment = (day - _EPOCH_DAY) * _US_PER_DAY + whole
    if _US_MIN <= moment <= _US_MAX:
        return moment
    # Spark counted beyond the largest number and began at the smallest again.
    if _SPARK_OVERFLOW_MIN <= moment < _US_MIN:
        return moment + 2**64
    raise InexactInt96("times more than 290,000 years from today")
