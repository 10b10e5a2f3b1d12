"""Finds the calls of a check in the API's log, for two minutes. Free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.checks.facts import Fact, settled, unsettled
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.errors import ApiError, ApiUnavailable

if TYPE_CHECKING:
    from airflow_provider_aimlapi.checks.timer import Timer
    from airflow_provider_aimlapi.core.money.reconciliation import LogPage

WAIT_S = 120.0
POLL_S = 5.0
PAGES_MAX = 5
"""Of each look: the log is the key's, and others may use it. 25 looks take 125 requests; 200 a minute are
allowed."""
_US_PER_S = 1_000_000
_MARGIN_US = 3600 * _US_PER_S
"""Between this clock and the API's."""


class AskPage(Protocol):
    """Asks for a page of the log, once; see `api.request_log.fetch_log_page`."""

    async def __call__(self, window_us: tuple[int, int], /, *, offset: int) -> LogPage:
        """Return the page of a window that begins at an offset."""
        ...


@dataclass(slots=True, kw_only=True)
class LogSearch:
    """What the log says of some calls.

    Attributes:
        wanted: their names.
        found_s: by name, seconds after the last answer when it was first seen.
        costs: by name, in nano-dollars.
        looks: how often the log was read. problem: why it could not be, the last time.
    """

    wanted: frozenset[str]
    found_s: dict[str, float] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    problem: str = ""

    async def run(self, ask: AskPage, timer: Timer) -> None:
        """Look until all calls are there, or two minutes are over."""
        start_s, end_us = timer.now_s(), timer.wall_us()
        while len(self.found_s) < len(self.wanted):
            passed_s = timer.now_s() - start_s
            window_us = (end_us - _MARGIN_US, end_us + _MARGIN_US)
            try:
                await self._look(ask, window_us, passed_s)
            except ApiUnavailable as error:
                self.problem = str(error)
            except ApiError as error:
                self.problem = str(error)
                return
            if passed_s >= WAIT_S:
                return
            if len(self.found_s) < len(self.wanted):
                await timer.sleep(min(POLL_S, WAIT_S - passed_s))

    async def _look(self, ask: AskPage, window_us: tuple[int, int], passed_s: float) -> None:
        offset = 0
        for _ in range(PAGES_MAX):
            page = await ask(window_us, offset=offset)
            for row in page.rows:
                name = row.client_request_id
                if name in self.wanted and name is not None:
                    self.found_s.setdefault(name, passed_s)
                    if row.cost_nano_usd is not None:
                        self.costs[name] = row.cost_nano_usd
            offset += len(page.rows)
            if not page.has_more or not page.rows:
                break
        self.looks += 1

    def fact(self) -> Fact:
        """Return whether the calls were seen in time."""
        name, count = "log", f"{len(self.found_s)} of {len(self.wanted)} calls"
        if not self.wanted:
            return unsettled(name, "no call was answered")
        if not self.looks:
            return unsettled(name, self.problem)
        if not self.found_s:
            return settled(
                name, "no", f"{count} within {format_duration(WAIT_S)}, {self.looks} looks"
            )
        last_s = max(self.found_s.values())
        answer = "yes" if len(self.found_s) == len(self.wanted) else "some"
        return settled(name, answer, f"{count}, the last one seen after {format_duration(last_s)}")
