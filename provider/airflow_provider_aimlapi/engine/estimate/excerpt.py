"""Read the excerpt of an estimate: a few spans of rows, spread over all files. Blocking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_provider_aimlapi.core.money.spread import Span, spans_of, spread_evenly, within_reach
from airflow_provider_aimlapi.engine.row import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock

SPANS = 32
ROWS_EACH = 128
"""32 spans of 128 rows measure lengths within a few per cent, and are read in seconds."""
BYTES_READ = 64 * 1024 * 1024
"""The aim for all decoded rows. If rows are wide, spans are shorter, so that memory suffices."""
SPAN_READERS = 4
"""Threads, each of which may hold a row group."""

RowPosition = tuple[int, int]
"""Part and row within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The figures of the rows that were read.

    Attributes:
        rows: the number of all of them.
        nulls: the number with a null in a column of the prompt.
        unreadable: the number with a value that cannot be read.
        text_bytes: the size of prompt and system of each other row, in input order.
        hashes: the hash of the request of each of these rows.
    """

    rows: int
    nulls: int
    unreadable: int
    text_bytes: dict[RowPosition, int]
    hashes: dict[RowPosition, str]


def read_excerpt(prepared: Prepared, shards: Sequence[Shard], clock: Clock) -> Excerpt:
    """Read some of the shards' rows, or all where they are few.

    Raises:
        InputUnreadable, StoreUnavailable: as `DataSet.read_rows`.
    """
    near = within_reach(shards, prepared.data_set.files) or shards
    spans = spans_of(near, slots=SPANS, rows_each=_rows_each(prepared))

    hashes: dict[RowPosition, str] = {}

    def read_span(span: Span) -> tuple[int, int, dict[RowPosition, int]]:
        nulls = unreadable = 0
        text_bytes: dict[RowPosition, int] = {}
        for row in _rows_of_span(prepared, span, clock):
            if isinstance(row, Row):
                # Without the frame, which is the same for all rows. Tokens then follow the size of
                # the texts.
                text_bytes[row.row_position] = len(row.body) - prepared.maker.frame_bytes
                hashes[row.row_position] = row.request_hash
            elif row.status == "skipped":
                nulls += 1
            else:
                unreadable += 1
        return nulls, unreadable, text_bytes

    found = clock.map_in_threads(read_span, spans, SPAN_READERS)
    sizes = {position: size for _, _, part in found for position, size in part.items()}
    return Excerpt(
        rows=sum(span.rows for span in spans),
        nulls=sum(nulls for nulls, _, _ in found),
        unreadable=sum(unreadable for _, unreadable, _ in found),
        text_bytes=sizes,
        hashes=hashes,
    )


def sample_of(
    excerpt: Excerpt, *, without: Collection[RowPosition], count: int
) -> list[RowPosition]:
    """Choose rows of an excerpt that can be sent, spread evenly over it."""
    return spread_evenly([one for one in excerpt.text_bytes if one not in without], count)


def rows_at(prepared: Prepared, positions: Collection[RowPosition], clock: Clock) -> list[Row]:
    """Read the rows at these positions, ready to send.

    Raises:
        InputUnreadable, StoreUnavailable: as `DataSet.read_rows`.
    """
    # One span for each part, from its first row to its last. Row groups are decoded whole, so
    # reading single rows would not be faster.
    wanted: dict[int, set[int]] = {}
    for part, row in positions:
        wanted.setdefault(part, set()).add(row)
    found: list[Row] = []
    for shard in prepared.plan.shards:
        rows = wanted.get(shard.part)
        if rows:
            read = _rows_of_span(prepared, _span_around(shard, rows), clock)
            found += [row for row in read if isinstance(row, Row) and row.row in rows]
    return found


def _span_around(shard: Shard, rows: Collection[int]) -> Span:
    """Return the span from the first of the rows to the last."""
    return Span(shard=shard, first_row=min(rows), rows=max(rows) - min(rows) + 1)


def _rows_of_span(prepared: Prepared, span: Span, clock: Clock) -> Iterator[Row | Outcome]:
    shard, maker = span.shard, prepared.maker
    piece = replace(shard, first_row=shard.first_row + span.first_row, rows=span.rows)
    index = span.first_row
    for batch in prepared.data_set.read_rows(piece, maker.columns):
        for texts in batch:
            yield maker.make_row(shard.part, index, texts, clock)
            index += 1


def _rows_each(prepared: Prepared) -> int:
    files = prepared.data_set.files
    size = sum(group.size_bytes for file in files for group in file.row_groups)
    row_bytes = size / max(1, sum(file.rows for file in files))
    return max(1, min(ROWS_EACH, int(BYTES_READ / SPANS / max(row_bytes, 1))))
