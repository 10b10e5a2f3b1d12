"""Chooses rows to read when there are too many: spans, spread evenly over the shards. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.durable.plan import InputFile, Shard

DEPTH_BYTES_MAX = 64 * 1024 * 1024
"""A row group is decoded from its start, so rows that lie deeper in it are too expensive to reach."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Neighbouring rows of a shard; `first_row` is an index within the shard."""

    shard: Shard
    first_row: int
    rows: int


def spans_of(shards: Sequence[Shard], *, slots: int, rows_each: int) -> list[Span]:
    """Return at most `slots` spans of `rows_each` rows, each in the middle of an equal piece of the input.

    If the input has no more rows than that, the spans are the whole shards. The same shards always
    give the same spans.
    """
    filled = [shard for shard in shards if shard.rows]
    ends = list(accumulate(shard.rows for shard in filled))
    rows = ends[-1] if ends else 0
    if rows <= slots * rows_each:
        return [Span(shard=shard, first_row=0, rows=shard.rows) for shard in filled]
    spans = []
    for slot in range(slots):
        start = (2 * slot + 1) * rows // (2 * slots) - rows_each // 2
        index = bisect_right(ends, start)
        first_row = start - (ends[index] - filled[index].rows)
        # A span ends with its shard, because a reader reads one shard at a time.
        taken = min(rows_each, filled[index].rows - first_row)
        spans.append(Span(shard=filled[index], first_row=first_row, rows=taken))
    return spans


def within_reach(shards: Sequence[Shard], files: Sequence[InputFile]) -> list[Shard]:
    """Return the shards that begin near the start of a row group. The first of each file does."""
    return [shard for shard in shards if _depth_bytes(shard, files) <= DEPTH_BYTES_MAX]


def spread_evenly(items: Sequence[T], count: int) -> list[T]:
    """Return `count` of the items, spread evenly over them; all of them if there are no more."""
    if count >= len(items):
        return list(items)
    return [items[(2 * slot + 1) * len(items) // (2 * count)] for slot in range(count)]


def _depth_bytes(shard: Shard, files: Sequence[InputFile]) -> int:
    """Return the uncompressed bytes that precede the shard in its first row group."""
    before = shard.first_row
    for group in files[shard.file].row_groups:
        if before < group.rows:
            return before * group.size_bytes // group.rows
        before -= group.rows
    return 0
