from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.rejections import FIRST_ANSWERS, Rejections

STATUS = st.sampled_from([400, 413, 422, 500, None])


def ends_after(rejections: Rejections, statuses: list[int | None]) -> int | None:
    """The count of rejections at which the run must end."""
    for count, status in enumerate(statuses, start=1):
        if rejections.reject("why", status) is not None:
            return count
    return None


@pytest.mark.parametrize("allowed", [0, 1, 19, 50])
def test_one_more_than_allowed_ends_the_run(allowed: int) -> None:
    rejections = Rejections(allowed=allowed)
    rejections.accept()
    assert ends_after(rejections, [400] * 100) == allowed + 1


def test_the_reason_names_the_limit_and_the_last_rejection() -> None:
    rejections = Rejections(allowed=1)
    rejections.accept()
    assert rejections.reject("first words", 400) is None
    reason = rejections.reject("max_tokens: too large", 400)
    assert reason is not None
    assert "2 rows" in reason
    assert "max_rejected_rows allows 1" in reason
    assert "max_tokens: too large" in reason
    assert "first words" not in reason


def test_the_first_answers_all_rejected_alike_end_the_run_whatever_is_allowed() -> None:
    rejections = Rejections(allowed=10**6)
    assert ends_after(rejections, [422] * 100) == FIRST_ANSWERS


def test_that_reason_says_that_the_setup_is_wrong() -> None:
    rejections = Rejections(allowed=10**6)
    reasons = [rejections.reject("unknown parameter", 400) for _ in range(FIRST_ANSWERS)]
    assert reasons[:-1] == [None] * (FIRST_ANSWERS - 1)
    assert reasons[-1] is not None
    assert "set-up is wrong" in reasons[-1]
    assert "unknown parameter" in reasons[-1]


@pytest.mark.parametrize("place", [0, 1, FIRST_ANSWERS - 1])
def test_mixed_statuses_are_the_rows_own_fault(place: int) -> None:
    statuses: list[int | None] = [400] * 1000
    statuses[place] = 413
    assert ends_after(Rejections(allowed=10**6), statuses) is None


@pytest.mark.parametrize("place", [0, 1, FIRST_ANSWERS - 1])
def test_a_row_that_was_never_sent_does_not_hide_a_wrong_setup(place: int) -> None:
    statuses: list[int | None] = [400] * 1000
    statuses.insert(place, None)
    assert ends_after(Rejections(allowed=10**6), statuses) == FIRST_ANSWERS + 1


def test_rows_that_were_never_sent_say_nothing_about_the_setup() -> None:
    assert ends_after(Rejections(allowed=10**6), [None] * 1000) is None


@pytest.mark.parametrize("accepted_after", [0, 1, FIRST_ANSWERS - 1])
def test_one_accepted_row_proves_the_setup(accepted_after: int) -> None:
    rejections = Rejections(allowed=10**6)
    assert ends_after(rejections, [400] * accepted_after) is None
    rejections.accept()
    assert ends_after(rejections, [400] * 1000) is None


@given(allowed=st.integers(0, 60), rows=st.lists(st.none() | st.tuples(STATUS), max_size=100))
def test_no_run_goes_on_with_more_rejections_than_allowed(allowed, rows):
    """Each row is accepted (None) or rejected with a status."""
    rejections = Rejections(allowed=allowed)
    for row in rows:
        if row is None:
            rejections.accept()
            continue
        reason = rejections.reject("why", row[0])
        is_over = rejections.rows > allowed
        is_wrong_setup = rejections.accepted == 0 and rejections.rows >= FIRST_ANSWERS
        assert is_over <= (reason is not None) <= (is_over or is_wrong_setup)


def test_answers_after_which_a_row_is_sent_once_more_count_as_first_ones() -> None:
    rejections = Rejections(allowed=10**6)
    reasons = [rejections.answer("why", 400) for _ in range(FIRST_ANSWERS)]
    assert [reason is not None for reason in reasons] == [False] * (FIRST_ANSWERS - 1) + [True]
    assert rejections.rows == 0
