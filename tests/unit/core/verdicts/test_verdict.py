from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX, Verdict, judge_error
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    SpendingLimitReached,
    Throttled,
    WireViolation,
)

FIRST_FAILURE = {
    ApiError: Verdict.RETRY,
    ApiUnavailable: Verdict.RETRY,
    Throttled: Verdict.REQUEUE,
    RequestRejected: Verdict.REJECT,
    AccessRefused: Verdict.HALT,
    SpendingLimitReached: Verdict.HALT,
    WireViolation: Verdict.RETRY,
}
LAST_FAILURE = {
    **FIRST_FAILURE,
    ApiError: Verdict.REJECT,
    ApiUnavailable: Verdict.REJECT,
    WireViolation: Verdict.REJECT,
}
COUNT = st.integers(0, 10**6)
ERRORS = st.sampled_from(sorted(FIRST_FAILURE, key=lambda kind: kind.__name__))


def test_the_table_has_every_kind_of_failure() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    kinds.remove(errors.AnswerInvalid)  # a single call's alone, after all verdicts
    assert set(FIRST_FAILURE) == {kind for kind in kinds if issubclass(kind, ApiError)}


@pytest.mark.parametrize(("kind", "verdict"), FIRST_FAILURE.items())
def test_a_first_failure(kind: type[ApiError], verdict: Verdict) -> None:
    assert judge_error(kind("x"), attempts=1, max_attempts=8, violations=1) is verdict


@pytest.mark.parametrize(("kind", "verdict"), LAST_FAILURE.items())
def test_the_last_attempts_failure(kind: type[ApiError], verdict: Verdict) -> None:
    assert judge_error(kind("x"), attempts=8, max_attempts=8, violations=1) is verdict


def test_an_unreadable_answer_is_bought_three_times_at_most() -> None:
    verdicts = [
        judge_error(WireViolation("x"), attempts=count, max_attempts=100, violations=count)
        for count in range(1, 5)
    ]
    assert verdicts == [Verdict.RETRY, Verdict.RETRY, Verdict.REJECT, Verdict.REJECT]
    assert WIRE_VIOLATIONS_MAX == 3


def test_old_violations_do_not_reject_row_that_fails_otherwise() -> None:
    assert (
        judge_error(ApiUnavailable("x"), attempts=3, max_attempts=8, violations=3) is Verdict.RETRY
    )


@given(attempts=COUNT, max_attempts=st.integers(1, 100), violations=COUNT)
def test_throttling_never_costs_the_row(attempts: int, max_attempts: int, violations: int) -> None:
    verdict = judge_error(
        Throttled("x"), attempts=attempts, max_attempts=max_attempts, violations=violations
    )
    assert verdict is Verdict.REQUEUE


@given(kind=ERRORS, text=st.text(), attempts=COUNT, max_attempts=st.integers(1, 100))
def test_the_text_of_an_error_decides_nothing(
    kind: type[ApiError], text: str, attempts: int, max_attempts: int
) -> None:
    counts = {"attempts": attempts, "max_attempts": max_attempts, "violations": 1}
    assert judge_error(kind(text), **counts) is judge_error(kind(""), **counts)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 302])
def test_an_answer_that_refuses_leaves_the_row_in_doubt(status: int) -> None:
    error = AccessRefused("x", status=status)
    assert judge_error(error, attempts=8, max_attempts=8, violations=0) is Verdict.DOUBT


@pytest.mark.parametrize(
    ("status", "verdicts"),
    [
        (400, [Verdict.RETRY, Verdict.REJECT]),
        (406, [Verdict.RETRY, Verdict.REJECT]),
        (451, [Verdict.RETRY, Verdict.REJECT]),
        (413, [Verdict.REJECT, Verdict.REJECT]),
        (422, [Verdict.REJECT, Verdict.REJECT]),
    ],
)
def test_a_rejection_that_may_pass_gets_one_more_try(status: int, verdicts: list[Verdict]) -> None:
    error = RequestRejected("x", status=status)
    counts = {"max_attempts": 8, "violations": 0}
    found = [judge_error(error, attempts=n, rejections=n, **counts) for n in (1, 2)]
    assert found == verdicts
    assert judge_error(error, attempts=8, rejections=1, **counts) is Verdict.REJECT
