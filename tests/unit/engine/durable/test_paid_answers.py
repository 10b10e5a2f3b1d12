"""Whether an earlier outcome stands for a row, or the row has to be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.engine.durable.paid_answers import PaidAnswers
from tests.fakes.prepared_run import PreparedRun, answer_to, rejection_of


def paid_answers(run: PreparedRun, *, retry_rejected: bool = False) -> PaidAnswers:
    answers = PaidAnswers(run.prepared, run.earlier(retry_rejected=retry_rejected), run.clock)
    answers.read_part(run.prepared.plan.shards[0])
    return answers


def test_journaled_answer_stands_for_its_row() -> None:
    run = PreparedRun(["a", "b"])
    row = run.row(1)
    run.journal(answer_to(row))
    found = paid_answers(run).find_outcome(0, 1, row.request_hash)
    assert found is not None
    assert (found.row, found.text) == (1, "hi")


def test_row_without_an_answer_is_sent() -> None:
    run = PreparedRun(["a", "b"])
    run.journal(answer_to(run.row(1)))
    assert paid_answers(run).find_outcome(0, 0, run.row(0).request_hash) is None


def test_answer_to_another_request_does_not_stand() -> None:
    run = PreparedRun(["a", "b"])
    run.journal(answer_to(run.row(1)))
    assert paid_answers(run).find_outcome(0, 1, "0" * 64) is None


def test_stored_answer_must_fit_the_columns() -> None:
    run = PreparedRun(["a", "b"])
    row = run.row(1)
    run.journal(answer_to(row))
    schema = answer_schema({"type": "object", "properties": {"a": {"type": "string"}}})
    run.prepared = replace(run.prepared, validator=AnswerValidator(schema))
    assert paid_answers(run).find_outcome(0, 1, row.request_hash) is None


@pytest.mark.parametrize("retry_rejected", [False, True])
def test_rejection_stands_unless_rejected_rows_are_retried(*, retry_rejected: bool) -> None:
    run = PreparedRun(["a", "b"])
    row = run.row(0)
    run.journal(answer_to(run.row(1)), rejection_of(row))
    found = paid_answers(run, retry_rejected=retry_rejected).find_outcome(0, 0, row.request_hash)
    assert (found is None) is retry_rejected


def test_rejected_row_keeps_its_cost_when_sent_again() -> None:
    run = PreparedRun(["a", "b"])
    row = run.row(0)
    run.journal(answer_to(run.row(1)), rejection_of(row, cost_nano_usd=70))
    paid_answers(run, retry_rejected=True).restore_history(row)
    assert row.unread_cost_nano_usd == 70


def test_part_that_was_not_read_is_refused() -> None:
    run = PreparedRun(["a"])
    with pytest.raises(AssertionError):
        paid_answers(run).find_outcome(1, 0, "0" * 64)
