"""Sums up the memory of a part's decompressed pages, before any is decompressed.

A page's header states its decompressed size, and Parquet's reader takes that much memory. The sums in
the footer may be different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.storage.parquet.thrift_counts import CompactReader, TooLarge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pyarrow import parquet as pq

PAGES_BYTES_MAX = 512 * 1024 * 1024
"""The decompressed outcome columns of a part: 64 kB for each of its rows."""
HEADER_STRUCTS_MAX = 16
_UNCOMPRESSED, _COMPRESSED = 2, 3
_DATA, _DICTIONARY, _DATA_V2 = 5, 7, 8
_VALUES = 1
"""The numbers of the fields of a page's header, by Parquet's definition."""


def check_pages(metadata: pq.FileMetaData, part: bytes, columns: Collection[str]) -> None:
    """Refuse a part whose pages would take too much memory.

    Args:
        columns: the paths of the columns to read.

    Raises:
        TooLarge: they would, or a header is damaged.
    """
    total = 0
    for start, end, rows in _chunks(metadata, columns):
        if not 0 <= start <= end <= len(part):
            raise TooLarge("a column lies outside of it")
        offset = start
        while offset < end:
            reader = CompactReader(part, offset, structs_max=HEADER_STRUCTS_MAX)
            header = reader.read_struct()
            size_bytes, stored_bytes = _number(header, _UNCOMPRESSED), _number(header, _COMPRESSED)
            values = max(_number(_struct(header, page), _VALUES) for page in (_DATA, _DATA_V2))
            entries = _number(_struct(header, _DICTIONARY), _VALUES)
            # A page cannot have more values than its chunk has rows, because no outcome column is
            # repeated.
            if min(size_bytes, stored_bytes) < 0 or values > rows or entries > size_bytes:
                raise TooLarge("a page's header is damaged")
            total += size_bytes
            if total > PAGES_BYTES_MAX:
                raise TooLarge("its pages are too large")
            offset = reader.offset + stored_bytes
        if offset != end:
            raise TooLarge("a page reaches beyond its column")


def _number(fields: dict[int, Any], field: int) -> int:
    """Return a whole number; -1 if there is none."""
    value = fields.get(field)
    return value if isinstance(value, int) else -1


def _struct(fields: dict[int, Any], field: int) -> dict[int, Any]:
    value = fields.get(field)
    return value if isinstance(value, dict) else {}


def _chunks(metadata: pq.FileMetaData, columns: Collection[str]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and rows of each chunk of the columns."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema in columns:
                start = column.data_page_offset
                if column.dictionary_page_offset:
                    start = min(start, column.dictionary_page_offset)
                yield start, start + column.total_compressed_size, group.num_rows
