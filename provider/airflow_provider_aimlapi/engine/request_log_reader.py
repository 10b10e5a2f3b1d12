"""Read the API's log of requests to its end, page after page, within its rate limit.

The log is newest first and rows appear late, so pages shift while they are read. A row that is seen
twice counts once. If rows were added meanwhile, the whole range is read again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.money.reconciliation import BillingFold, log_time_ranges
from airflow_provider_aimlapi.engine.runtime.retry import retry_delay_s
from airflow_provider_aimlapi.errors import ApiUnavailable, Throttled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.money.reconciliation import LogPage, Reconciliation

REQUESTS_A_MINUTE = 180
"""The limit of a key is 200 for all its users together."""
MINUTE_S = 60.0
TRIES_MAX = 8
"""Tries of a page. With the pauses between them, an outage of two minutes is survived."""
PASSES_MAX = 5
"""Passes over a range of time. A busy key adds rows for ever, and the result says so."""
OFFSET_MAX = 10_000_000
"""Rows of a day that are read. An API that always reports more rows would be read for ever."""


class AskPage(Protocol):
    """Fetches a page of the log once; see `api.request_log.fetch_log_page`."""

    async def __call__(self, time_range_us: tuple[int, int], /, *, offset: int) -> LogPage:
        """Return the page of a time range that begins at an offset."""
        ...


class Pace:
    """Limits the requests in any minute. It waits in `sleep`, by the clock of `now_s`."""

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._now_s = now_s
        self.sleep = sleep
        # The times of the last requests. The oldest is a minute old before another one is sent.
        self._asked_at_s: deque[float] = deque(maxlen=REQUESTS_A_MINUTE)

    async def wait_for_turn(self) -> None:
        """Wait until the next request may be sent, and count it."""
        if len(self._asked_at_s) == REQUESTS_A_MINUTE:
            delay_s = self._asked_at_s[0] + MINUTE_S - self._now_s()
            if delay_s > 0:
                await self.sleep(delay_s)
        self._asked_at_s.append(self._now_s())


@dataclass(kw_only=True)
class LogReader:
    """Reads the log.

    Attributes:
        ask: fetches one page.
        pace: limits the requests.
        random: jitter.
        requests: the number of requests so far.
        is_settled: whether no row was added during the last pass over each time range.
    """

    ask: AskPage
    pace: Pace
    random: Random = field(default_factory=lambda: Random(secrets.randbits(64)))  # noqa: S311
    requests: int = 0
    is_settled: bool = True

    async def reconcile_run(self, run_key: str, start_us: int, end_us: int) -> Reconciliation:
        """Return what the log contains of a run between two moments.

        Raises:
            ApiError: a page did not arrive after several tries.
        """
        billing = BillingFold(run_key)
        for time_range_us in log_time_ranges(start_us, end_us):
            for _ in range(PASSES_MAX):
                if await self._read_time_range(time_range_us, billing):
                    break
            else:
                self.is_settled = False
        return billing.billing_so_far()

    async def _read_time_range(self, time_range_us: tuple[int, int], billing: BillingFold) -> bool:
        """Read a time range from its newest row to its oldest; return whether no row was added."""
        totals = set()
        offset = 0
        while offset <= OFFSET_MAX:
            page = await self._fetch_page(time_range_us, offset)
            billing.add_page(page.rows)
            totals.add(page.total)
            offset += len(page.rows)
            if not page.has_more or not page.rows:
                break
        # Each page reports the number of all rows. If it changed, rows have moved between pages
        # that were read before and after.
        return len(totals) == 1

    async def _fetch_page(self, time_range_us: tuple[int, int], offset: int) -> LogPage:
        for failures in range(1, TRIES_MAX):
            await self.pace.wait_for_turn()
            self.requests += 1
            try:
                return await self.ask(time_range_us, offset=offset)
            except ApiUnavailable as error:
                await self.pace.sleep(self._delay_s(error, failures))
        # The last try, outside the loop, so that its error reaches the caller.
        await self.pace.wait_for_turn()
        self.requests += 1
        return await self.ask(time_range_us, offset=offset)

    def _delay_s(self, error: ApiUnavailable, failures: int) -> float:
        """Return the pause. After a 429 it is a minute, because other users of the key count too."""
        if isinstance(error, Throttled) and error.retry_after_s is None:
            return MINUTE_S
        return retry_delay_s(error, failures=failures, random=self.random)
