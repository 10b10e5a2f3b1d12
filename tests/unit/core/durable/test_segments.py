"""Names alone say which segments a reader needs, and which ones are merged next."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.core.durable.segments import (
    MERGED_AT_ONCE,
    Segment,
    covered_by,
    fits_one_segment,
    next_group,
    uncovered_segments,
)

NAMES = RunNames(run_key="0" * 32)


def name(first: int, last: int | None = None, epoch: int = 1) -> str:
    return NAMES.segment_name(0, epoch, first, last)


def segments(*weights: int, size_bytes: int = 1) -> list[Segment]:
    return [
        Segment(
            name=name(number),
            first=number,
            last=number,
            weight=weight,
            size_bytes=size_bytes,
            checksum=0,
        )
        for number, weight in enumerate(weights)
    ]


@pytest.mark.parametrize(
    ("weights", "first"),
    [
        ([], None),
        ([1] * 7, None),
        ([1] * 8, 0),
        ([1] * 12, 0),
        ([64, *[8] * 7, *[1] * 8], 8),
        ([64, *[8] * 8, *[1] * 3], 1),
        ([*[64] * 7, *[8] * 7, *[1] * 7], None),
    ],
)
def test_oldest_eight_of_a_weight_are_merged(weights: list[int], first: int | None) -> None:
    group = next_group(segments(*weights))
    numbers = [segment.first for segment in group]
    assert numbers == ([] if first is None else list(range(first, first + MERGED_AT_ONCE)))


def test_group_fits_one_segment_or_stays() -> None:
    assert fits_one_segment(segments(*[1] * 8, size_bytes=SEGMENT_BYTES_MAX // 8))
    assert not fits_one_segment(segments(*[1] * 8, size_bytes=SEGMENT_BYTES_MAX // 8 + 1))


@pytest.mark.parametrize(
    ("there", "read"),
    [
        ([], []),
        ([name(9), name(10)], [name(9), name(10)]),
        ([name(0, 7), name(0), name(5), name(7)], [name(0, 7)]),
        ([name(8), name(0, 7)], [name(0, 7), name(8)]),
        ([name(0, 7), name(0, 63), name(8, 15), name(64)], [name(0, 63), name(64)]),
        ([name(3, 9), name(2), name(10)], [name(2), name(3, 9), name(10)]),
        ([name(5, epoch=2), name(0, 7)], [name(0, 7), name(5, epoch=2)]),
        ([name(0, 7, epoch=2), name(5)], [name(5), name(0, 7, epoch=2)]),
        ([name(0, 7), name(4, 9)], [name(0, 7), name(4, 9)]),
    ],
)
def test_what_a_merged_segment_contains_is_not_read(there: list[str], read: list[str]) -> None:
    assert uncovered_segments(there) == uncovered_segments(reversed(there)) == read


def test_merged_segment_covers_its_own_epoch() -> None:
    there = [name(0), name(3), name(7), name(8), name(2, 5), name(0, 7), name(3, epoch=2)]
    assert covered_by(name(0, 7), there) == [name(0), name(3), name(7), name(2, 5)]
