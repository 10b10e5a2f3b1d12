"""Spans cover small inputs whole, and large ones evenly."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_provider_aimlapi.core.durable.plan import InputFile, RowGroup, Shard, plan_shards
from airflow_provider_aimlapi.core.money.spread import (
    DEPTH_BYTES_MAX,
    Span,
    spans_of,
    spread_evenly,
    within_reach,
)


def shards_of(*rows: int) -> list[Shard]:
    return [
        Shard(part=part, file=part, first_row=0, rows=count, visible_name=f"{part}.parquet")
        for part, count in enumerate(rows)
    ]


def file_of(*groups: tuple[int, int]) -> InputFile:
    return InputFile(
        uri="u",
        path="p",
        version="1",
        size_bytes=1,
        folder="",
        stem="a",
        row_groups=tuple(RowGroup(rows=rows, size_bytes=size) for rows, size in groups),
    )


def test_few_rows_are_read_whole_and_empty_shards_skipped() -> None:
    shards = shards_of(3, 0, 5)
    assert spans_of(shards, slots=4, rows_each=2) == [
        Span(shard=shards[0], first_row=0, rows=3),
        Span(shard=shards[2], first_row=0, rows=5),
    ]
    assert spans_of([], slots=4, rows_each=2) == []


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=40),
    st.integers(1, 12),
    st.integers(1, 20),
)
def test_spans_lie_in_their_shards_as_equal_pieces(
    rows: list[int], places: int, rows_each: int
) -> None:
    shards = shards_of(*rows)
    ends = list(accumulate(rows))
    spans = spans_of(shards, slots=places, rows_each=rows_each)
    starts = [ends[s.shard.part] - rows[s.shard.part] + s.first_row for s in spans]
    for span in spans:
        assert span.first_row >= 0
        assert span.rows >= 1
        assert span.first_row + span.rows <= span.shard.rows
    if ends[-1] > places * rows_each:
        assert len(spans) == places
        for place, start in enumerate(starts):
            assert place * ends[-1] // places <= start < (place + 1) * ends[-1] / places
            assert spans[place].rows <= rows_each
    for (one, next_one), span in zip(pairwise(starts), spans, strict=False):
        assert one + span.rows <= next_one


@pytest.mark.parametrize(
    ("count", "found"), [(0, []), (1, [5]), (2, [2, 7]), (9, [0, 1, 2, 3, 5, 6, 7, 8, 9])]
)
def test_items_are_picked_evenly(count: int, found: list[int]) -> None:
    assert spread_evenly(range(10), count) == found
    assert spread_evenly([1, 2], 3) == [1, 2]


def test_only_a_huge_row_groups_start_is_reachable() -> None:
    file = file_of((1_000_000, 16 * DEPTH_BYTES_MAX))
    shards = plan_shards([file])
    near = within_reach(shards, [file])
    assert near[0] == shards[0]
    depth = [shard.first_row * 16 * DEPTH_BYTES_MAX // 1_000_000 for shard in near]
    assert max(depth) <= DEPTH_BYTES_MAX
    assert len(near) < len(shards) / 8
    assert within_reach([replace(shards[0], rows=0)], [file_of()])
