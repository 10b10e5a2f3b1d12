"""The answers to the last requests, in two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.reuse import recent_answers
from airflow_provider_aimlapi.engine.reuse.recent_answers import RecentAnswers
from tests.fakes.paid_run import hash_of, paid_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

ROWS = 4


def recent(requests: Iterable[object], rows: int = ROWS) -> RecentAnswers:
    found = RecentAnswers(rows)
    for request in requests:
        found.add(7, paid_outcome(1, request))
    return found


def test_answer_is_found_with_its_part() -> None:
    assert recent("ab").find(hash_of("a")) == (7, paid_outcome(1, "a"))
    assert recent("ab").find(hash_of("c")) is None
    assert recent("").find(hash_of("a")) is None


def test_last_requests_are_there_and_early_ones_are_not() -> None:
    there = [recent(range(10)).find(hash_of(one)) is not None for one in range(10)]
    assert there == [False] * 4 + [True] * 6


def test_request_that_is_found_stays() -> None:
    found = recent(range(4))
    for request in range(4, 40):
        found.add(7, paid_outcome(1, request))
        assert found.find(hash_of(0)) is not None
    assert found.find(hash_of(1)) is None


def test_closed_answers_are_gone_and_take_no_more() -> None:
    found = recent("ab")
    found.close()
    found.add(7, paid_outcome(1, "c"))
    assert [found.find(hash_of(one)) for one in "abc"] == [None] * 3


def test_long_answers_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_answers, "TABLE_BYTES_MAX", 2_000)
    there = [one for one in range(40) if recent(range(40), rows=100).find(hash_of(one)) is not None]
    assert there == list(range(there[0], 40))
    assert 1 < len(there) < 10


def test_no_room_for_an_answer_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recent_answers, "TABLE_BYTES_MAX", 100)
    found = recent("abc")
    assert found.find(hash_of("a")) is None
    assert caplog.text.count("no temporary file") == 1
