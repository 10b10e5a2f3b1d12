from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS, Opening, Refused

OK = Completion(status="ok", text="Fine.", model="m")
NO = Refused(status=400, reason="unknown parameter")
OTHER = Refused(status=422, reason="too large")


def opening_of(rows: int = OPENING_ROWS) -> Opening:
    """An opening whose rows were sent."""
    opening = Opening()
    for row in range(rows):
        opening.note_sent((0, row), 100 + row)
    return opening


def verdicts(opening: Opening, results: list[Completion | Refused]) -> list[str | None]:
    """What follows from one result after the other."""
    return [opening.note_result((0, row), result) for row, result in enumerate(results)]


def test_all_rejected_for_one_reason_is_a_wrong_setup() -> None:
    found = verdicts(opening_of(), [NO] * OPENING_ROWS)
    assert found[:-1] == [None] * (OPENING_ROWS - 1)
    assert "unknown parameter" in (found[-1] or "")
    assert "HTTP 400" in (found[-1] or "")


@pytest.mark.parametrize("other", [OK, OTHER])
@pytest.mark.parametrize("place", [0, 7, OPENING_ROWS - 1])
def test_one_other_result_clears_the_setup(other: Completion | Refused, place: int) -> None:
    results: list[Completion | Refused] = [NO] * OPENING_ROWS
    results[place] = other
    assert verdicts(opening_of(), results) == [None] * OPENING_ROWS


def test_rows_sent_later_are_not_judged() -> None:
    opening = opening_of(100)
    assert [opening.note_result((0, row), NO) for row in range(16, 100)] == [None] * 84
    assert len(opening.rows) == OPENING_ROWS


def test_an_answer_to_another_row_clears_the_setup() -> None:
    opening = opening_of(100)
    assert opening.note_result((0, 50), OK) is None
    assert verdicts(opening, [NO] * OPENING_ROWS) == [None] * OPENING_ROWS


def test_a_row_without_a_result_is_waited_for() -> None:
    opening = opening_of()
    assert verdicts(opening, [NO] * (OPENING_ROWS - 1))[-1] is None
    assert opening.is_open
    assert opening.note_result((0, OPENING_ROWS - 1), NO) is not None


def test_a_row_sent_again_is_no_second_row() -> None:
    opening = opening_of()
    opening.note_sent((0, 0), 1)
    assert [opening.note_result((0, 0), NO) for _ in range(40)] == [None] * 40


def test_fewer_rows_are_no_opening() -> None:
    assert verdicts(opening_of(15), [NO] * 15) == [None] * 15


def test_a_run_that_was_answered_before_has_none() -> None:
    opening = Opening(is_open=False)
    opening.note_sent((0, 0), 1)
    assert opening.rows == {}


def test_sizes_and_results_are_kept_in_order_of_sending() -> None:
    opening = opening_of()
    verdicts(opening, [OK] * OPENING_ROWS)
    assert [row.body_bytes for row in opening.rows.values()] == list(range(100, 116))
    assert all(row.result is OK for row in opening.rows.values())


@given(st.permutations(range(OPENING_ROWS)), st.sets(st.integers(0, 15)))
def test_the_order_of_results_decides_nothing(order: list[int], answered: set[int]) -> None:
    opening = opening_of()
    found = [opening.note_result((0, row), OK if row in answered else NO) for row in order]
    assert found[:-1] == [None] * (OPENING_ROWS - 1)
    assert (found[-1] is not None) == (not answered)
