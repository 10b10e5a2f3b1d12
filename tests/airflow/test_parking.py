"""A task that is parked, by a real Airflow: what it waits for, what a look costs, when it gives up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Account, Fault, Script
from airflow_provider_aimlapi import errors
from tests.airflow.task_tries import Tries

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]

ROWS = 60
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARKED, FAILED, RETRIED = "up_for_reschedule", "failed", "up_for_retry"
HOUR_IS_UP = Fault(kind="429-free-tier", after=20)


@pytest.fixture
def tries(
    lake: Any, monkeypatch: pytest.MonkeyPatch, run_dag: Callable[..., Any]
) -> Callable[..., Tries]:
    """A task over sixty rows that may be parked, to be started as often as a test wants."""
    lake.put("in/texts.parquet", {"text": [f"Text {number}." for number in range(ROWS)]})

    def of(**arguments: object) -> Tries:
        usual = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
        given = {**usual, "on_stall": "park", "stall_timeout_s": 1, "max_concurrency": 4}
        monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps({**given, **arguments}))
        return Tries("patient_task")

    return of


@pytest.mark.parametrize("kind", ["429-free-tier", "500-maintenance", "503-empty"])
def test_parked_task_probes_with_one_call_each(
    api: Any, tries: Callable[..., Tries], kind: str
) -> None:
    """Each start makes one call, and no row is paid twice."""
    task = tries()
    api.follow(Script(faults=(Fault(kind=kind, after=20),)))
    assert task.start() == PARKED
    assert timedelta(minutes=4) < task.parked()[1] <= timedelta(minutes=5)
    assert not task.is_due()
    task.let_time_pass()
    assert task.is_due()
    paid = api.paid_calls
    assert paid == 20
    for minutes in (10, 15, 15):
        before = len(api.completions)
        assert task.start() == PARKED
        assert timedelta(minutes=minutes - 1) < task.parked()[1] <= timedelta(minutes=minutes)
        assert len(api.completions) == before + 1
        assert api.paid_calls == paid
    api.follow(Script())
    assert task.start() == "success"
    assert task.try_number == 1
    assert api.paid_calls == ROWS
    assert api.simulator.stats()["prompts_billed_twice"] == 0


def test_daily_limit_parks_until_midnight_without_a_retry(
    api: Any, tries: Callable[..., Tries]
) -> None:
    """The limit resets at 00:00 UTC."""
    task = tries(max_concurrency=1)
    account = Account(key_limit_usd=0.003, key_limit_retention="day")
    api.follow(Script(account=account))
    assert task.start() == PARKED
    until, _ = task.parked()
    assert (until.hour, until.minute) == (0, 1)
    paid, asked = api.paid_calls, len(api.completions)
    assert 0 < paid < ROWS
    assert task.start() == PARKED  # somebody has started it too early
    assert (api.paid_calls, len(api.completions)) == (paid, asked + 1)
    api.follow(Script())
    assert (task.start(), task.try_number) == ("success", 1)
    assert api.paid_calls == ROWS


def test_page_shows_the_parkings_end_and_reason(api: Any, tries: Callable[..., Tries]) -> None:
    task = tries()
    api.follow(Script(faults=(HOUR_IS_UP,)))
    assert task.start() == PARKED
    told = task.progress()
    assert told["state"] == told["attempts"][-1]["state"] == "parked"
    assert told["attempts"][-1]["error"].startswith("Parked until 20")
    assert "free limit for the hour" in told["attempts"][-1]["error"]
    api.follow(Script())
    task.start()
    assert [attempt["state"] for attempt in task.progress()["attempts"]] == ["parked", "published"]


def test_park_timeout_fails_the_try(api: Any, tries: Callable[..., Tries]) -> None:
    """Five minutes fit into eight; the ten after them would not."""
    task = tries(park_timeout_s="480")
    api.follow(Script(faults=(HOUR_IS_UP,)))
    assert task.start() == PARKED
    assert task.start() == RETRIED
    assert api.paid_calls == 20


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (Script(faults=(Fault(kind="disconnect-unbilled"),)), RETRIED),
        (Script(faults=(Fault(kind="no-choices"),)), RETRIED),
        (Script(faults=(Fault(kind="403"),)), FAILED),
        (Script(account=Account(key_limit_usd=1e-6, key_limit_retention="month")), FAILED),
        (Script(faults=(Fault(kind="400"),)), FAILED),
    ],
    ids=["no answer", "unreadable", "no credit", "limit of a month", "rejected"],
)
def test_lasting_or_costly_causes_do_not_park(
    api: Any, tries: Callable[..., Tries], script: Script, state: str
) -> None:
    """Time does not fix them, or each new start might be billed."""
    api.follow(script)
    assert tries(max_concurrency=1, max_attempts=2).start() == state


def test_tasks_fail_by_default_without_parking(api: Any, tries: Callable[..., Tries]) -> None:
    api.follow(Script(faults=(HOUR_IS_UP,)))
    assert tries(on_stall="fail").start() == RETRIED


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on_stall": "{{ 'wait' }}"}, "on_stall='wait': give 'fail' or 'park'"),
        ({"park_timeout_s": "{{ 0 }}"}, "park_timeout_s=0"),
        ({"park_timeout_s": "{{ 1e9 }}"}, "up to 2,678,400"),
        ({"stall_timeout_s": "{{ -1 }}"}, "stall_timeout_s=-1: give a number above 0"),
    ],
)
def test_a_wrong_argument_is_refused_before_any_call(
    api: Any, tries: Callable[..., Tries], arguments: dict[str, Any], words: str
) -> None:
    task = tries(**arguments)
    assert task.start() == FAILED
    assert words in str(task.error)
    assert api.completions == []


@pytest.mark.parametrize(
    ("version", "waits"),
    [("3.0.6", False), ("3.1.6", False), ("3.1.7", True), ("3.2.0b1", True), ("3.10.0", True)],
)
def test_versions_show_whether_a_scheduler_waits(version: str, waits: bool) -> None:
    from airflow_provider_aimlapi.operators.parking import waits_for_dates

    assert waits_for_dates(version) is waits


def until(error: errors.AimlapiError, **known: Any) -> datetime | None:
    from airflow_provider_aimlapi.operators.parking import Parking

    return Parking(**{"is_wanted": True, **known}).start_again_at(error, NOON)


def test_longer_retry_after_is_respected() -> None:
    said = errors.ApiUnavailable("503", status=503, retry_after_s=1200)
    assert until(said) == NOON + timedelta(minutes=20)


def test_the_time_is_counted_from_the_first_parking() -> None:
    down = errors.ApiUnavailable("503", status=503)
    long_ago = NOON - timedelta(hours=24, minutes=50)
    assert until(down, times=9, since=long_ago) is None
    assert until(down, times=9, since=long_ago + timedelta(minutes=6)) is not None
    day = errors.SpendingLimitReached("403", status=403)
    assert until(day) == NOON + timedelta(hours=12, minutes=1)
    assert until(day, timeout=timedelta(hours=6)) is None
