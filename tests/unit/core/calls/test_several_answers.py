"""Sums over several answers to one row."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.calls.completion import CallRecord, Completion
from airflow_provider_aimlapi.core.calls.several_answers import Answers

CALL = CallRecord(
    row=3, attempts=4, request_hash="h", completed_at_us=5, unread_cost_nano_usd=1_000
)


def answer(number: int, cost: int | None) -> Completion:
    return Completion(
        text=f"text {number}",
        status="ok" if number == 3 else "truncated",
        finish_reason=f"reason {number}",
        prompt_tokens=10 * number,
        completion_tokens=number,
        cached_tokens=None if number == 2 else number,
        cost_nano_usd=cost,
        inference_id=f"inf-{number}",
    )


def test_outcome_is_the_last_answer_with_all_sums() -> None:
    answers = Answers(answer(1, 100)).with_later(answer(2, 200)).with_later(answer(3, 300))
    outcome = answers.outcome_of_row(CALL)
    assert (outcome.row, outcome.status, outcome.text) == (3, "ok", "text 3")
    assert (outcome.finish_reason, outcome.inference_id) == ("reason 3", "inf-3")
    assert (outcome.prompt_tokens, outcome.completion_tokens) == (60, 6)
    assert outcome.cached_tokens is None
    assert (outcome.cost_nano_usd, outcome.partial_cost_nano_usd) == (1_600, 0)
    assert (outcome.attempts, outcome.request_hash) == (4, "h")


@pytest.mark.parametrize(
    ("costs", "known"),
    [((None, 200, 300), 1_500), ((100, None, 300), 1_400), ((100, 200, None), 1_300)],
)
def test_one_unknown_cost_leaves_the_known_part(costs: tuple[int | None, ...], known: int) -> None:
    first, second, third = (answer(number, cost) for number, cost in enumerate(costs, 1))
    outcome = Answers(first).with_later(second).with_later(third).outcome_of_row(CALL)
    assert (outcome.cost_nano_usd, outcome.partial_cost_nano_usd) == (None, known)
    assert outcome.is_without_cost
