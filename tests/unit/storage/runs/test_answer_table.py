"""A table of answers on the local disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from airflow_provider_aimlapi.core.reuse import hash_index
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable
from tests.fakes.paid_run import hash_of, paid_outcome

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome


def table_of(*answers: Outcome, rows_max: int = 100, bytes_max: int = 10**6) -> AnswerTable:
    table = AnswerTable(rows_max, bytes_max=bytes_max)
    for part, answer in enumerate(answers):
        table.add_answers(part, [answer])
    return table


def test_answer_is_found_with_its_part() -> None:
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers)
    assert [table.find_answer(hash_of(f"request {row}")) for row in range(3)] == list(
        enumerate(answers)
    )
    assert table.find_answer(hash_of("request 3")) is None
    assert not table.is_full


def test_whole_hash_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_index, "_key", lambda _: 1)
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers)
    assert [table.find_answer(hash_of(f"request {row}")) for row in range(3)] == list(
        enumerate(answers)
    )
    assert table.find_answer(hash_of("request 3")) is None


@pytest.mark.parametrize("limit", [{"bytes_max": 1_100}, {"rows_max": 2}])
def test_answers_beyond_the_limit_are_left_out(limit: dict[str, int]) -> None:
    answers = [paid_outcome(row, f"request {row}") for row in range(3)]
    table = table_of(*answers, **limit)
    assert table.is_full
    assert table.find_answer(hash_of("request 0")) is not None
    assert table.find_answer(hash_of("request 2")) is None


def test_closed_table_finds_nothing() -> None:
    table = table_of(paid_outcome(0, "request"))
    table.delete_file()
    with pytest.raises(OSError, match="Bad file descriptor"):
        table.find_answer(hash_of("request"))


def test_first_of_equal_requests_is_found() -> None:
    first, second = paid_outcome(0, "request"), paid_outcome(1, "request")
    assert table_of(first, second).find_answer(hash_of("request")) == (0, first)


def test_long_answer_is_read_whole() -> None:
    answers = [msgspec.structs.replace(paid_outcome(0, one), text=one * 9_999) for one in "ab"]
    table = table_of(*answers)
    assert [table.find_answer(hash_of(one)) for one in "ab"] == list(enumerate(answers))


def test_answer_is_found_before_and_after_others_are_added() -> None:
    """A part of them is in the buffer, and a part in the file."""
    table = table_of(rows_max=1_000)
    answers = [paid_outcome(row, row) for row in range(1_000)]
    for row, answer in enumerate(answers):
        table.add(row, answer)
        assert table.find_answer(hash_of(row // 2)) == (row // 2, answers[row // 2])
