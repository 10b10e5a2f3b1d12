"""Decides when a task is parked: it ends, and Airflow starts the same try again later.

A parked task holds no worker, no pool slot and no lease, and uses up no retry. The error's type and
status decide, never the text of an answer, because the API's documents promise no text for an hourly
limit or a maintenance. How long such a cause lasts is therefore not known. The next start finds out
with one call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from airflow import __version__
from airflow.exceptions import AirflowRescheduleException

from airflow_provider_aimlapi.core.texts.number_range import check_number
from airflow_provider_aimlapi.errors import ApiUnavailable, InvalidSpec, SpendingLimitReached
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.retry_policy import until_reset

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aimlapi.errors import AimlapiError

OnStall = Literal["fail", "park"]
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(minutes=15)
"""Between two starts while the API refuses every call: five minutes, then ten, then fifteen. Half of
this starts twice as many processes for a cause that lasts an hour. Twice this loses working time."""
PARK_TIMEOUT_S = 90_000.0
"""A day and an hour, so that a key's limit for a day is waited for, at whatever time it was reached."""
PARK_TIMEOUT_S_MAX = 31 * 24 * 3600.0
"""A month. A longer value is more likely a typing error, or milliseconds."""
ANSWERED_NO = 400
"""From this HTTP status on, the API itself refused the call."""
AIRFLOW_THAT_WAITS = (3, 1, 7)
"""An earlier scheduler starts a parked task at once, unless it is a sensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """Whether a try may be parked, and how often it was.

    Attributes:
        is_wanted: whether the task has `on_stall="park"`.
        timeout: the longest time from a try's first parking to its last start.
        times: how often Airflow has parked this try, by Airflow's own record.
        since: when this try was first parked; None if it never was.
    """

    is_wanted: bool = False
    timeout: timedelta = timedelta(seconds=PARK_TIMEOUT_S)
    times: int = 0
    since: datetime | None = None

    @property
    def starts_with_probe(self) -> bool:
        """Return whether this start follows a parking, so that one call must find out first."""
        return self.is_wanted and self.times > 0

    def start_again_at(self, error: AimlapiError, now: datetime) -> datetime | None:
        """Return when to start again; None if waiting does not help, or would take too long."""
        wait = self._wait_for(error, now) if self.is_wanted else None
        if wait is None or now + wait > (self.since or now) + self.timeout:
            return None
        return now + wait

    def _wait_for(self, error: AimlapiError, now: datetime) -> timedelta | None:
        """Return how long the cause lasts, or how long to wait before the next call finds out."""
        # 1. A key's daily limit ends at a known time.
        # 2. Without an answer, or with one that cannot be parsed, the task is not parked: the network
        #    or a time-out may be wrong, which a person must fix, and each new call may be billed.
        # 3. Any other refusal by the API may pass at any time.
        if isinstance(error, SpendingLimitReached):
            return until_reset(now.timestamp())
        if not isinstance(error, ApiUnavailable) or (error.status or 0) < ANSWERED_NO:
            return None
        requested = timedelta(seconds=error.retry_after_s or 0)
        return max(requested, min(LONGEST_WAIT, FIRST_WAIT * (self.times + 1)))


def parking_of_task(context: Context, *, on_stall: object, park_timeout_s: object) -> Parking:
    """Return whether a task may be parked, and how often Airflow has parked this try.

    Raises:
        InvalidSpec: an argument is wrong, or this version of Airflow would not wait.
    """
    # Both arguments are checked even if the task is not to be parked: a wrong one must not stay unnoticed.
    is_wanted = arguments.read_word("on_stall", on_stall, get_args(OnStall)) == "park"
    timeout_s = read_park_timeout_s("park_timeout_s", park_timeout_s)
    if not is_wanted:
        return Parking()
    if not waits_for_dates(__version__):
        raise InvalidSpec(
            f"on_stall='park' needs Airflow 3.1.7 or later: the scheduler of {__version__} would "
            f"start the task again at once. Leave on_stall out, and set `retries` and `retry_delay`."
        )
    return Parking(
        is_wanted=True,
        timeout=timedelta(seconds=timeout_s),
        times=context.get("task_reschedule_count", 0),
        since=context["ti"].get_first_reschedule_date(context),
    )


def read_park_timeout_s(name: str, value: object) -> float:
    """Return the longest time in seconds that a task may be parked.

    Raises:
        InvalidSpec: the value is no number, or outside of its range.
    """
    timeout_s = arguments.read_number(name, value, such_as="3600")
    check_number(name, timeout_s, above=0, most=PARK_TIMEOUT_S_MAX, unit="seconds")
    return timeout_s


def parked_until(date: datetime) -> AirflowRescheduleException:
    """Return the exception that a task raises to be started again at a date."""
    return AirflowRescheduleException(date)  # type: ignore[no-untyped-call]  # Airflow's has no types


def current_time() -> datetime:
    """Return the time of the machine's clock."""
    from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().wall_us() / 1e6, UTC)


def waits_for_dates(version: str) -> bool:
    """Return whether an Airflow of this version starts a parked task at its date, and not at once."""
    return tuple(map(int, re.findall(r"\d+", version)[:3])) >= AIRFLOW_THAT_WAITS
