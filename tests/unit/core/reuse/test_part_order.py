"""The order in which an earlier run's parts are searched."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.reuse.part_order import PartOrder, file_of
from tests.fakes.paid_run import shards_of

PART_ROWS = 10
EARLIER = shards_of({"ds=1/a": 40, "ds=1/b": 30, "c": 5}, PART_ROWS)  # parts 0-3, 4-6, 7


def first_candidates(
    file: str, number: int, rows_before: int = 0, *, found: int | None = None, count: int = 3
) -> list[int]:
    order = PartOrder(EARLIER)
    if found is not None:
        order.note_found(found)
    shard = shards_of({file: 100}, PART_ROWS)[number]
    return list(islice(order.candidate_parts(shard, rows_before), count))


def test_file_is_named_without_its_number() -> None:
    assert [file_of(shard) for shard in EARLIER] == ["ds=1/a"] * 4 + ["ds=1/b"] * 3 + ["c"]


def test_search_begins_at_the_same_row_of_the_file() -> None:
    assert first_candidates("ds=1/b", 1, rows_before=1000) == [5, 6, 4]


def test_search_goes_on_after_the_last_answer() -> None:
    assert first_candidates("ds=1/a", 3, found=0) == [1, 2, 0]


def test_answer_in_another_file_does_not_move_the_search() -> None:
    assert first_candidates("ds=1/b", 0, found=1) == [4, 5, 3]


def test_row_behind_the_file_is_searched_at_its_end() -> None:
    assert first_candidates("c", 9) == [7, 6, 5]


def test_renamed_file_is_searched_by_its_place() -> None:
    assert first_candidates("z", 0, rows_before=45) == [4, 5, 3]
    assert first_candidates("z", 0, rows_before=45, found=1) == [2, 3, 1]


def test_run_without_parts_has_no_candidates() -> None:
    assert list(PartOrder(()).candidate_parts(EARLIER[0], 0)) == []


@given(
    file=st.sampled_from(["ds=1/a", "c", "new"]),
    number=st.integers(0, 9),
    rows_before=st.integers(0, 10**6),
    found=st.none() | st.integers(0, len(EARLIER) - 1),
)
def test_each_part_is_a_candidate_once(file, number, rows_before, found):
    parts = first_candidates(file, number, rows_before, found=found, count=1000)
    assert sorted(parts) == list(range(len(EARLIER)))
