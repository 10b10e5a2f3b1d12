"""Sums up the memory of a part's decompressed pages, before any is decompressed.

A page's header states its decompressed size, and Parquet's reader takes that much memory. The sums in
the footer may be different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.storage.parquet.thrift_counts import CompactReader, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyarrow import parquet as pq

    from airflow_provider_aimlapi.storage.arrow.answer_types import Leaf

PAGES_BYTES_MAX = 512 * 1024 * 1024
"""The decompressed outcome columns of a part: 64 kB for each of its rows."""
REPEATED_VALUES_MAX = 16_000_000
"""The items of all lists and maps of a part: 2,000 for each of its rows. In Python each takes 32 bytes."""
HEADER_STRUCTS_MAX = 16
_UNCOMPRESSED, _COMPRESSED = 2, 3
_DATA, _DICTIONARY, _DATA_V2 = 5, 7, 8
_VALUES = 1
"""The numbers of the fields of a page's header, by Parquet's definition."""


def check_pages(metadata: pq.FileMetaData, part: bytes, columns: Iterable[Leaf]) -> None:
    """Refuse a part whose pages would take too much memory.

    Args:
        columns: the columns to read.

    Raises:
        TooLarge: they would, or a header is damaged.
    """
    total = repeated = 0
    by_path = {column.path: column for column in columns}
    for leaf, start, end, rows in _chunks_of_columns(metadata, by_path):
        if not 0 <= start <= end <= len(part):
            raise TooLarge("a column lies outside of it")
        offset = start
        while offset < end:
            reader = CompactReader(part, offset, structs_max=HEADER_STRUCTS_MAX)
            header = reader.read_struct()
            size_bytes, stored_bytes = (
                _number_in(header, _UNCOMPRESSED),
                _number_in(header, _COMPRESSED),
            )
            values = max(
                _number_in(_struct_in(header, page), _VALUES) for page in (_DATA, _DATA_V2)
            )
            entries = _number_in(_struct_in(header, _DICTIONARY), _VALUES)
            # A page cannot have more values than its chunk has rows, unless the column is repeated. A
            # few bytes can stand for any number of equal values.
            repeated += max(0, values) if leaf.is_repeated else 0
            has_too_many = values > rows and not leaf.is_repeated
            if min(size_bytes, stored_bytes) < 0 or has_too_many or entries > size_bytes:
                raise TooLarge("a page's header is damaged")
            total += size_bytes
            if total > PAGES_BYTES_MAX or repeated > REPEATED_VALUES_MAX:
                raise TooLarge("its pages are too large")
            offset = reader.offset + stored_bytes
        if offset != end:
            raise TooLarge("a page reaches beyond its column")


def _number_in(fields: dict[int, Any], field: int) -> int:
    """Return a whole number; -1 if there is none."""
    value = fields.get(field)
    return value if isinstance(value, int) else -1


def _struct_in(fields: dict[int, Any], field: int) -> dict[int, Any]:
    value = fields.get(field)
    return value if isinstance(value, dict) else {}


def _chunks_of_columns(
    metadata: pq.FileMetaData, columns: Mapping[str, Leaf]
) -> Iterator[tuple[Leaf, int, int, int]]:
    """Yield each chunk of the columns with its start, its end and its rows."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            leaf = columns.get(column.path_in_schema)
            if leaf is not None:
                start = column.data_page_offset
                if column.dictionary_page_offset:
                    start = min(start, column.dictionary_page_offset)
                yield leaf, start, start + column.total_compressed_size, group.num_rows
