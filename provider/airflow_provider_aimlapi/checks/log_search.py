"""Searches the API's log for the calls of a check, for two minutes. Free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.errors import ApiError, ApiUnavailable

if TYPE_CHECKING:
    from airflow_provider_aimlapi.checks.timer import Timer
    from airflow_provider_aimlapi.core.money.reconciliation import LogPage

WAIT_S = 120.0
"""A user waits for the table. A call that is not in the log by then is reported as missing."""
POLL_S = 5.0
PAGES_MAX = 5
"""Pages per read, because other users of the key fill the same log. 25 reads take at most 125 requests,
and the API allows 200 a minute."""
_US_PER_S = 1_000_000
_SLACK_US = 3600 * _US_PER_S
"""The most by which this clock and the API's may differ."""


class FetchPage(Protocol):
    """Fetches a page of the log with one request; see `api.request_log.fetch_log_page`."""

    async def __call__(self, range_us: tuple[int, int], /, *, offset: int) -> LogPage:
        """Return the page of a time range that begins at an offset."""
        ...


@dataclass(slots=True, kw_only=True)
class LogSearch:
    """The entries of the log about some calls.

    Attributes:
        wanted: the names of the calls.
        found_s: by name, the seconds from the last answer until the call was seen.
        costs: by name, the cost in nano-dollars.
        reads: how often the log was read.
        problem: why the last read failed; empty if it did not.
    """

    wanted: frozenset[str]
    found_s: dict[str, float] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    problem: str = ""

    async def search_for_calls(self, fetch: FetchPage, timer: Timer) -> None:
        """Read the log until all calls are in it, or two minutes have passed."""
        # An error that may pass ends one read. Any other error ends the search: the key may not read it.
        start_s, end_us = timer.now_s(), timer.wall_us()
        while len(self.found_s) < len(self.wanted):
            passed_s = timer.now_s() - start_s
            range_us = (end_us - _SLACK_US, end_us + _SLACK_US)
            try:
                await self._read_log(fetch, range_us, passed_s)
            except ApiUnavailable as error:
                self.problem = str(error)
            except ApiError as error:
                self.problem = str(error)
                return
            if passed_s >= WAIT_S:
                return
            if len(self.found_s) < len(self.wanted):
                await timer.sleep(min(POLL_S, WAIT_S - passed_s))

    async def _read_log(self, fetch: FetchPage, range_us: tuple[int, int], passed_s: float) -> None:
        offset = 0
        for _ in range(PAGES_MAX):
            page = await fetch(range_us, offset=offset)
            for row in page.rows:
                name = row.client_request_id
                if name in self.wanted and name is not None:
                    self.found_s.setdefault(name, passed_s)
                    if row.cost_nano_usd is not None:
                        self.costs[name] = row.cost_nano_usd
            offset += len(page.rows)
            if not page.has_more or not page.rows:
                break
        self.reads += 1

    def fact_of_search(self) -> Fact:
        """Return whether the log had the calls in time."""
        name, count = "log", f"{len(self.found_s)} of {len(self.wanted)} calls"
        if not self.wanted:
            return open_fact(name, "no call was answered")
        if not self.reads:
            return open_fact(name, self.problem)
        if not self.found_s:
            return settled_fact(
                name, "no", f"{count} within {format_duration(WAIT_S)}, {self.reads} reads"
            )
        last_s = max(self.found_s.values())
        answer = "yes" if len(self.found_s) == len(self.wanted) else "some"
        return settled_fact(
            name, answer, f"{count}, the last one seen after {format_duration(last_s)}"
        )
