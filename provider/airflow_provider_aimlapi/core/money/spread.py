"""Which rows to look at when there are too many to read: spans spread evenly over shards. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.durable.plan import InputFile, Shard

DEPTH_BYTES_MAX = 64 * 1024 * 1024
"""A row group is decoded from its start: what lies deeper in it than this costs too much to reach."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Neighbouring rows of a shard; `first_row` is an index within the shard."""

    shard: Shard
    first_row: int
    rows: int


def spans_of(shards: Sequence[Shard], *, places: int, rows_each: int) -> list[Span]:
    """At most so many spans of so many rows: each in the middle of an equal piece of the shards.

    Where there are no more rows than that, the spans are the whole shards. The same shards always
    give the same spans.
    """
    filled = [shard for shard in shards if shard.rows]
    ends = list(accumulate(shard.rows for shard in filled))
    rows = ends[-1] if ends else 0
    if rows <= places * rows_each:
        return [Span(shard=shard, first_row=0, rows=shard.rows) for shard in filled]
    spans = []
    for place in range(places):
        start = (2 * place + 1) * rows // (2 * places) - rows_each // 2
        index = bisect_right(ends, start)
        first_row = start - (ends[index] - filled[index].rows)
        taken = min(rows_each, filled[index].rows - first_row)
        spans.append(Span(shard=filled[index], first_row=first_row, rows=taken))
    return spans


def within_reach(shards: Sequence[Shard], files: Sequence[InputFile]) -> list[Shard]:
    """Those shards that begin near the start of a row group; the first of each file is one."""
    return [shard for shard in shards if _depth_bytes(shard, files) <= DEPTH_BYTES_MAX]


def evenly(items: Sequence[T], count: int) -> list[T]:
    """So many of the items, spread evenly over them; all, when there are no more."""
    if count >= len(items):
        return list(items)
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def _depth_bytes(shard: Shard, files: Sequence[InputFile]) -> int:
    """Uncompressed bytes of the shard's first row group that precede the shard."""
    before = shard.first_row
    for group in files[shard.file].row_groups:
        if before < group.rows:
            return before * group.size_bytes // group.rows
        before -= group.rows
    return 0
