"""Decide which journal segments are merged, and which ones a reader reads. No I/O.

An attempt numbers the segments that it writes. A merged segment contains the records of several
segments of one part and one epoch in their order, and its name has the first and the last of their
numbers. So it takes their place among the others, and a reader sees from names alone what it contains.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_segment_name
from airflow_provider_aimlapi.core.durable.object_sizes import SEGMENT_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MERGED_AT_ONCE = 8
"""Segments of one weight that become one. Of each weight at most 7 remain: 21 to 28 for some thousand
flushes. With 2, some 12 would remain, but a record would be written 12 times instead of 4 times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment that this attempt has written.

    Attributes:
        first: its number; of a merged segment, the lowest one that it contains.
        last: the highest number that it contains.
        weight: the number of segments that were merged into it; 1 for one that a flush wrote.
        size_bytes: its size.
        checksum: the crc32 of its bytes.
    """

    name: str
    first: int
    last: int
    weight: int
    size_bytes: int
    checksum: int


def next_group(segments: Sequence[Segment]) -> Sequence[Segment]:
    """Return the segments to be merged next; none if no weight has enough of them.

    Args:
        segments: of one part, in the order of their numbers. No weight is larger than the one before it.
    """
    for _, alike in groupby(segments, key=lambda segment: segment.weight):
        group = list(alike)[:MERGED_AT_ONCE]
        if len(group) == MERGED_AT_ONCE:
            return group
    return ()


def fits_one_segment(group: Sequence[Segment]) -> bool:
    """Return whether segments together are no larger than a segment may be."""
    return sum(segment.size_bytes for segment in group) <= SEGMENT_BYTES_MAX


def uncovered_segments(names: Iterable[str]) -> list[str]:
    """Return segments in the order of their records, without those that a merged one contains."""
    kept: list[str] = []
    # Sorted, a merged segment comes right before what it contains. So one pass with the last kept
    # one is enough.
    covered_epoch = covered_last = -1
    for epoch, _, minus_last, name in sorted(map(_sort_key, names)):
        is_covered = epoch == covered_epoch and -minus_last <= covered_last
        if name and not is_covered:
            kept.append(name)
            covered_epoch, covered_last = epoch, -minus_last
    return kept


def covered_by(merged: str, names: Iterable[str]) -> list[str]:
    """Return the segments that a merged one of the same part and epoch contains, without itself."""
    epoch, first, minus_last, _ = _sort_key(merged)
    keys = map(_sort_key, names)
    return [
        name
        for of_epoch, of_first, of_minus_last, name in keys
        if name != merged
        if of_epoch == epoch
        if first <= of_first and of_minus_last >= minus_last
    ]


def _sort_key(name: str) -> tuple[int, int, int, str]:
    """Return what sorts segments of a part: a merged one comes right before those that it contains."""
    _, epoch, first, last = parse_segment_name(name) or (0, 0, 0, 0)
    return epoch, first, -last, name
