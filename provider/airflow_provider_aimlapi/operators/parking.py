"""When a task is parked: it ends, and Airflow starts the same try again later. Waiting is Airflow's.

A parked task holds no worker, no slot of a pool and no lease, and uses up no retry. It is parked for
what time alone will mend, and told so by type and status, never by what an answer says: the words
of an hourly allowance and of a maintenance are promised nowhere. So nobody knows how long they
last, and the next start looks with one call.
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
FIRST_LOOK = timedelta(minutes=5)
LAST_LOOK = timedelta(minutes=15)
"""Between two looks at an API that takes nothing: five minutes more each time, up to this."""
PARK_TIMEOUT_S = 90_000.0
"""A day and an hour: a key's limit for a day is waited for, whenever it was used up."""
PARK_TIMEOUT_S_MAX = 31 * 24 * 3600.0
ANSWERED_NO = 400
"""From this status on the API itself said no."""
AIRFLOW_THAT_WAITS = (3, 1, 7)
"""Schedulers before start a parked task at once, unless it is a sensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """Whether a try may be parked, and how often it was.

    Attributes:
        is_wanted: by the task.
        timeout: of all waiting of one try, from its first parking on.
        times: how often Airflow has put this try off, by its own record.
        since: when it first did.
    """

    is_wanted: bool = False
    timeout: timedelta = timedelta(seconds=PARK_TIMEOUT_S)
    times: int = 0
    since: datetime | None = None

    @property
    def looks_first(self) -> bool:
        """Whether this start is one that looks, after a parking."""
        return self.is_wanted and self.times > 0

    def until(self, error: AimlapiError, now: datetime) -> datetime | None:
        """When to start again; None where waiting does not help, or would take too long."""
        wait = self._wait(error, now) if self.is_wanted else None
        if wait is None or now + wait > (self.since or now) + self.timeout:
            return None
        return now + wait

    def _wait(self, error: AimlapiError, now: datetime) -> timedelta | None:
        """How long the cause may last, or until somebody should look.

        Only an answer counts. Where none came the network or the time-out may be wrong, which a
        person mends, and each look might be billed; an answer that cannot be read was billed.
        """
        if isinstance(error, SpendingLimitReached):
            return until_reset(now.timestamp())
        if not isinstance(error, ApiUnavailable) or (error.status or 0) < ANSWERED_NO:
            return None
        asked = timedelta(seconds=error.retry_after_s or 0)
        return max(asked, min(LAST_LOOK, FIRST_LOOK * (self.times + 1)))


def parking(context: Context, *, on_stall: object, park_timeout_s: object) -> Parking:
    """What a task's arguments ask for, and what Airflow knows of its try.

    Raises:
        InvalidSpec: an argument is wrong, or this Airflow would not wait.
    """
    is_wanted = arguments.one_of("on_stall", on_stall, get_args(OnStall)) == "park"
    timeout_s = arguments.number("park_timeout_s", park_timeout_s, such_as="3600")
    check_number("park_timeout_s", timeout_s, above=0, most=PARK_TIMEOUT_S_MAX, unit="seconds")
    if not is_wanted:
        return Parking()
    if not waits_for_dates(__version__):
        raise InvalidSpec(
            f"on_stall='park' needs Airflow 3.1.7 or later: the scheduler of {__version__} would "
            f"start the task again at once. Leave it out; `retries` and `retry_delay` wait instead."
        )
    return Parking(
        is_wanted=True,
        timeout=timedelta(seconds=timeout_s),
        times=context.get("task_reschedule_count", 0),
        since=context["ti"].get_first_reschedule_date(context),
    )


def parked_until(date: datetime) -> AirflowRescheduleException:
    """What a task raises to be started again then."""
    return AirflowRescheduleException(date)  # type: ignore[no-untyped-call]  # Airflow's has no types


def now() -> datetime:
    """By the machine's clock."""
    from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().wall_us() / 1e6, UTC)


def waits_for_dates(version: str) -> bool:
    """Whether an Airflow of this version starts a parked task at its date, and not at once."""
    return tuple(map(int, re.findall(r"\d+", version)[:3])) >= AIRFLOW_THAT_WAITS
