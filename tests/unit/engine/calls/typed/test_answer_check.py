"""An answer is checked in a thread if the user's code runs, and for a limited time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.engine.calls.typed.answer_check import AnswerCheck
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.answers.faults import Fault

SCHEMA = answer_schema({"type": "object", "properties": {"n": {"type": "integer"}}})


def checked(check_class: Callable[[str], Fault | None], seconds_max: float) -> Completion:
    check = AnswerCheck(
        validator=AnswerValidator(SCHEMA, check_class),
        clock=SystemClock(),
        class_check_s_max=seconds_max,
    )
    return asyncio.run(check.check_completion(Completion(text='{"n": 1}', status="ok"), None))


def test_a_class_is_checked_in_another_thread() -> None:
    threads: list[threading.Thread] = []

    def note(_: str) -> None:
        threads.append(threading.current_thread())

    found = checked(note, 60)
    assert (found.status, found.text) == ("ok", '{"n":1}')
    assert threads != [threading.main_thread()]


@pytest.mark.timeout(30)
def test_a_check_without_an_end_is_left_behind() -> None:
    release = threading.Event()

    def hang(_: str) -> None:
        release.wait()

    found = checked(hang, 0.01)
    release.set()
    assert (found.status, found.text) == ("invalid", None)
    assert found.error == "$ was not checked by the class's validators within 0.01 seconds"
