from __future__ import annotations

import msgspec
import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import (
    ERROR_CHARACTERS_MAX,
    STATUSES,
    CallRecord,
    Completion,
    Outcome,
    Reason,
    accepted_outcome,
    as_invalid_answer,
    rejected_outcome,
    repeated,
    reused_outcome,
    skipped_outcome,
)

COMPLETION = Completion(
    text="Two sentences.",
    status="truncated",
    error="max_tokens was reached",
    finish_reason="length",
    model="claude-sonnet-4-6",
    prompt_tokens=10,
    completion_tokens=20,
    cached_tokens=5,
    reasoning_tokens=3,
    cache_write_tokens=4,
    cost_nano_usd=5_210_500,
    inference_id="inf-1",
)


@pytest.mark.parametrize(
    ("status", "is_success"),
    [(199, False), (200, True), (201, True), (299, True), (300, False), (429, False), (503, False)],
)
def test_any_2xx_is_an_answer(status: int, is_success: bool) -> None:
    assert Answer(status=status).is_success is is_success


def test_an_accepted_outcome_says_all_that_the_answer_said() -> None:
    outcome = accepted_outcome(
        COMPLETION, CallRecord(row=4, attempts=2, request_hash="ab", completed_at_us=7, repairs=1)
    )
    own: dict[str, object] = {"row": 4, "attempts": 2, "request_hash": "ab", "completed_at_us": 7}
    own |= {"partial_cost_nano_usd": 0, "reason": "", "repairs": 1}
    own |= {"reused_from": None, "saved_nano_usd": None, "same_as": None}
    names = {field.name for field in msgspec.structs.fields(Outcome)}
    for name in names - set(own):
        assert getattr(outcome, name) == getattr(COMPLETION, name), name
    for name, value in own.items():
        assert getattr(outcome, name) == value


def test_invalid_outcome_keeps_its_text_apart_and_its_cost() -> None:
    found = as_invalid_answer(COMPLETION, Reason("$.a is no number", "y" * 10_000))
    outcome = accepted_outcome(
        found, CallRecord(row=4, attempts=2, request_hash="ab", completed_at_us=7)
    )
    assert (outcome.status, outcome.text, outcome.raw) == ("invalid", None, COMPLETION.text)
    assert (outcome.error, outcome.reason) == ("y" * ERROR_CHARACTERS_MAX, "$.a is no number")
    assert outcome.cost_nano_usd == COMPLETION.cost_nano_usd


def test_rejected_outcome_keeps_a_readable_reason_and_no_text() -> None:
    reason = Reason("x" * 10_000, "y" * 10_000)
    outcome = rejected_outcome(
        reason, CallRecord(row=1, attempts=3, request_hash="ab", completed_at_us=7)
    )
    assert outcome == Outcome(
        row=1,
        status="rejected",
        error="y" * ERROR_CHARACTERS_MAX,
        reason="x" * ERROR_CHARACTERS_MAX,
        attempts=3,
        request_hash="ab",
        completed_at_us=7,
    )


def test_a_skipped_outcome_was_never_asked() -> None:
    outcome = skipped_outcome("null in column 'body'", row=9)
    assert outcome == Outcome(row=9, status="skipped", error="null in column 'body'")
    assert outcome.attempts == 0
    assert outcome.request_hash is None


def test_the_statuses_are_those_that_readers_are_promised() -> None:
    assert STATUSES == ("ok", "truncated", "refused", "invalid", "rejected", "skipped")


EARLIER = Outcome(
    row=7,
    status="ok",
    text="An answer.",
    model="claude",
    prompt_tokens=10,
    cost_nano_usd=500,
    attempts=3,
    inference_id="inf-1",
    request_hash="ab" * 32,
    completed_at_us=9,
)


def test_reused_answer_costs_nothing_and_names_its_payer() -> None:
    outcome = reused_outcome(EARLIER, run_key="run-a", row=2)
    changed: dict[str, object] = {"row": 2, "cost_nano_usd": 0, "attempts": 0}
    changed |= {"reused_from": "run-a", "saved_nano_usd": 500}
    assert outcome == msgspec.structs.replace(EARLIER, **changed)


def test_answer_reused_twice_keeps_naming_the_run_that_paid() -> None:
    first = reused_outcome(EARLIER, run_key="run-a", row=2)
    assert reused_outcome(first, run_key="run-b", row=2) == first


def test_reused_answer_keeps_what_its_own_run_has_paid() -> None:
    outcome = reused_outcome(EARLIER, run_key="run-a", row=2, unread_cost_nano_usd=40)
    assert (outcome.cost_nano_usd, outcome.saved_nano_usd) == (40, 500)


def test_duplicate_costs_nothing_and_names_its_original() -> None:
    outcome = repeated(EARLIER, part=3, row=2)
    changed: dict[str, object] = {"row": 2, "cost_nano_usd": 0, "attempts": 0, "repairs": 0}
    changed |= {"same_as": f"3:{EARLIER.row}", "saved_nano_usd": 500}
    assert outcome == msgspec.structs.replace(EARLIER, **changed)


def test_duplicate_keeps_what_was_paid_for_it() -> None:
    outcome = repeated(EARLIER, part=3, row=2, unread_cost_nano_usd=40)
    assert (outcome.cost_nano_usd, outcome.saved_nano_usd) == (40, 500)


def test_duplicate_of_a_reused_answer_is_reused() -> None:
    original = reused_outcome(EARLIER, run_key="run-a", row=2)
    assert repeated(original, part=3, row=5) == reused_outcome(EARLIER, run_key="run-a", row=5)


@pytest.mark.parametrize(
    ("status", "has_answer"), [("ok", True), ("invalid", True), ("rejected", False)]
)
def test_duplicate_of_a_rejected_row_has_no_answer(status: str, has_answer: bool) -> None:
    original = msgspec.structs.replace(EARLIER, status=status)
    assert repeated(original, part=0, row=1).is_duplicate == has_answer
    assert not original.is_duplicate
