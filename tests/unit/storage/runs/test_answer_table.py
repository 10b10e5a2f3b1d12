"""A table of answers on the local disk."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.storage.runs import answer_table
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable
from tests.fakes.paid_run import hash_of, paid_outcome

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome


def table_of(*answers: Outcome, bytes_max: int = 10**6) -> AnswerTable:
    table = AnswerTable(bytes_max=bytes_max)
    for part, answer in enumerate(answers):
        table.add_answers(part, [answer])
    table.index()
    return table


def test_answer_is_found_with_its_part() -> None:
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers)
    assert [table.find(hash_of(f"request {row}")) for row in range(3)] == list(enumerate(answers))
    assert table.find(hash_of("request 3")) is None
    assert not table.is_full


def test_whole_hash_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_table, "hash", lambda _: 1, raising=False)
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers)
    assert [table.find(hash_of(f"request {row}")) for row in range(3)] == list(enumerate(answers))
    assert table.find(hash_of("request 3")) is None


def test_answers_beyond_the_limit_are_left_out() -> None:
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers, bytes_max=900)
    assert table.is_full
    assert table.find(hash_of("request 0")) is not None
    assert table.find(hash_of("request 2")) is None


def test_closed_table_finds_nothing() -> None:
    table = table_of(paid_outcome(0, "request"))
    table.close()
    with pytest.raises(sqlite3.Error):
        table.find(hash_of("request"))
