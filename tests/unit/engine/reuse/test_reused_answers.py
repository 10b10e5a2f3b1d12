"""Rows get the answers of earlier runs, and a warning names why none does."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_aimlapi.core.durable.plan import Plan
from airflow_provider_aimlapi.engine.reuse.earlier_runs import Difference, EarlierRun, FoundRuns
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers
from tests.fakes.memory_store import MemoryStore
from tests.fakes.paid_run import EARLIER, answer_to, paid_run, rows_of, shards_of

SHARDS = shards_of({"a": 1_200, "b": 600}, 600)
PLAN = Plan(run_key="ab" * 16, shards=SHARDS)
REQUESTS = list(range(1_800))


def earlier_run(**options: bool) -> EarlierRun:
    return paid_run(MemoryStore(), {"a": REQUESTS}, part_rows=600, **options)  # type: ignore[arg-type]


def answers_of(*runs: EarlierRun) -> ReusedAnswers:
    return ReusedAnswers(FoundRuns(usable=runs, first=Difference(EARLIER, "system")), PLAN)


def test_row_gets_the_answer_without_its_cost() -> None:
    (row,) = rows_of(SHARDS[1], [700], first=5)
    row.unread_cost_nano_usd = 30
    outcome = answers_of(earlier_run()).find_outcomes(SHARDS[1], [row])[5]
    assert (outcome.row, outcome.text) == (5, answer_to(700))
    assert (outcome.cost_nano_usd, outcome.attempts) == (30, 0)
    assert (outcome.reused_from, outcome.saved_nano_usd) == (EARLIER, 1_200_000)


def test_second_run_is_searched_for_what_the_first_lacks() -> None:
    first = paid_run(MemoryStore(), {"a": [1, 2]})
    second = paid_run(MemoryStore(), {"a": [2, 3]}, run_key="eb" * 16)
    found = answers_of(first, second).find_outcomes(SHARDS[0], rows_of(SHARDS[0], [1, 2, 3, 4]))
    payers = {row: outcome.reused_from for row, outcome in found.items()}
    assert payers == {0: first.run_key, 1: first.run_key, 2: second.run_key}


def test_shards_of_a_share_are_found() -> None:
    found = answers_of(earlier_run()).find_outcomes(SHARDS[2], rows_of(SHARDS[2], [1_250]))
    assert found[0].text == answer_to(1_250)


@pytest.mark.parametrize("has_same_template", [True, False])
def test_one_warning_names_what_differs(
    has_same_template: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answers = answers_of(earlier_run(has_same_template=has_same_template))
    for shard in SHARDS[:2]:
        assert answers.find_outcomes(shard, rows_of(shard, [f"new {n}" for n in range(600)])) == {}
    answers.close_searches()
    answers.close_searches()
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "system differs" in warnings[0]


def test_unusable_run_is_named_after_a_thousand_rows(caplog: pytest.LogCaptureFixture) -> None:
    answers = answers_of()
    answers.find_outcomes(SHARDS[0], rows_of(SHARDS[0], range(600)))
    assert caplog.text == ""
    answers.find_outcomes(SHARDS[1], rows_of(SHARDS[1], range(600)))
    assert "system differs" in caplog.text


@pytest.mark.parametrize("rows", [["new"] * 500, [*range(10), *["new"] * 590]])
def test_few_rows_or_some_answers_give_no_warning(
    rows: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    answers = answers_of(earlier_run())
    answers.find_outcomes(SHARDS[0], rows_of(SHARDS[0], rows))
    answers.find_outcomes(SHARDS[1], rows_of(SHARDS[1], rows[:400]))
    answers.close_searches()
    assert "differs" not in caplog.text


def test_unreadable_parts_are_counted_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    run = earlier_run()
    damaged = [msgspec.structs.replace(entry, sha256="00" * 32) for entry in run.entries]
    run.entries = tuple(damaged)
    answers = answers_of(run)
    assert answers.find_outcomes(SHARDS[0], rows_of(SHARDS[0], range(600))) == {}
    answers.close_searches()
    assert "3 part(s) of run" in caplog.text
