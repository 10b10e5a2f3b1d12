from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.runtime.ending import Ending
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    BudgetExhausted,
    RunInterrupted,
    StoreUnavailable,
)

if TYPE_CHECKING:
    import pytest


def test_a_run_that_was_not_halted_has_no_error() -> None:
    closed: list[str] = []
    ending = Ending()
    ending.register_closers(lambda: closed.append("feed"))
    assert ending.error is None
    assert closed == []


def test_first_reason_wins_and_all_are_notified_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed: list[str] = []
    ending = Ending()
    ending.register_closers(lambda: closed.append("feed"), lambda: closed.append("limiter"))
    ending.register_closers(lambda: closed.append("collector"))
    first = AccessRefused("HTTP 403: no credit")
    with caplog.at_level(logging.INFO):
        ending.end_admission(first)
        ending.end_admission(RunInterrupted("stop"))
        ending.end_admission(BudgetExhausted("spent"))
    assert ending.error is first
    assert closed == ["feed", "limiter", "collector"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "AccessRefused" in record.getMessage()
    assert "no credit" not in record.getMessage(), "the run's own end logs the text"


def test_who_is_told_already_sees_the_reason() -> None:
    seen: list[object] = []
    ending = Ending()
    ending.register_closers(lambda: seen.append(ending.error))
    error = BudgetExhausted("spent")
    ending.end_admission(error)
    assert seen == [error]


def test_lost_paid_answers_are_the_reason_before_all_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The earlier reason ends nothing any more, so it is logged here."""
    ending, lost = Ending(), StoreUnavailable("503")
    ending.end_admission(BudgetExhausted("Everything paid for is kept."))
    ending.end_without_keeping(lost)
    ending.end_without_keeping(lost)
    assert ending.error is lost
    logged = [record.getMessage() for record in caplog.records]
    assert sum("BudgetExhausted: Everything paid for" in line for line in logged) == 1
