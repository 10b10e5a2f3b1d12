"""Reading the log to its end: its limit of requests a minute kept, and rows that come late found."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

import httpx
import pytest

from aimlapi_simulator import Script, Simulator
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.durable.keys import client_request_id
from airflow_provider_aimlapi.core.money.reconciliation import LogPage, LogRow
from airflow_provider_aimlapi.engine.request_log_reader import (
    REQUESTS_A_MINUTE,
    TRIES_MAX,
    AskPage,
    LogReader,
    Pace,
)
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable, Throttled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUN = "ab" * 16
RANDOM = Random(0)  # noqa: S311  # jitter
LIMIT_A_MINUTE = 200
HOUR_US = 3_600_000_000
BODY = {
    "model": "anthropic/claude-sonnet-4-6-20260218",
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "Say one word."}],
}


class MovedTime:
    """The simulator's clock, which a wait moves forward."""

    def __init__(self, sim: Simulator) -> None:
        self._clock = sim.state.clock
        self.waits_s: list[float] = []

    def now_s(self) -> float:
        return self._clock.now_s()

    async def sleep(self, delay_s: float) -> None:
        self.waits_s.append(delay_s)
        self._clock.move_forward(delay_s)

    def pace(self) -> Pace:
        return Pace(now_s=self.now_s, sleep=self.sleep)

    def window_us(self) -> tuple[int, int]:
        now_us = int(self.now_s() * 1e6)
        return now_us - HOUR_US, now_us + HOUR_US


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(Script(ledger_delay_s=0.0)) as simulator:
        yield simulator


async def make_calls(sim: Simulator, calls: int) -> None:
    async with httpx.AsyncClient(base_url=sim.url, trust_env=False) as http:
        for row in range(calls):
            headers = {
                "Authorization": "Bearer any",
                "X-Client-Request-Id": client_request_id(RUN, 0, row, 1),
            }
            answer = await http.post("/v1/chat/completions", json=BODY, headers=headers)
            assert answer.status_code == 200


async def read(sim: Simulator, time: MovedTime, rows_a_page: int) -> tuple[LogReader, int]:
    """The reader, and the billed calls that it found."""
    async with open_transport(connections_max=1) as transport:
        endpoint = Endpoint(base_url=sim.url, key="any")
        ask = partial(fetch_log_page, endpoint, transport, rows_max=rows_a_page)
        reader = LogReader(ask=ask, pace=time.pace(), random=RANDOM)
        return reader, (await reader.reconcile_run(RUN, *time.window_us())).charged_calls


def log_statuses(sim: Simulator) -> list[int]:
    return [record.status for record in sim.ledger.requests if record.path == "/v2/logs"]


async def test_more_pages_than_minute_allows_are_read_without_429(sim: Simulator) -> None:
    calls = LIMIT_A_MINUTE + 50
    await make_calls(sim, calls)
    time = MovedTime(sim)
    reader, found = await read(sim, time, rows_a_page=1)
    assert found == calls == reader.requests
    assert reader.is_settled
    assert log_statuses(sim) == [200] * calls
    assert 50 < sum(time.waits_s) <= 60


async def test_limit_that_others_have_used_up_is_waited_for(sim: Simulator) -> None:
    await make_calls(sim, 3)
    async with httpx.AsyncClient(base_url=sim.url, trust_env=False) as other:
        for _ in range(LIMIT_A_MINUTE):
            await other.get("/v2/logs", headers={"Authorization": "Bearer any"})
    time = MovedTime(sim)
    reader, found = await read(sim, time, rows_a_page=2)
    assert found == 3
    assert log_statuses(sim)[LIMIT_A_MINUTE:] == [429, 200, 200]
    assert reader.requests == 3
    assert time.waits_s == [60.0]


class ChangingLog:
    """A log in memory, two rows a page; new rows come in before chosen requests."""

    def __init__(self, rows: int, *, added_before: dict[int, int]) -> None:
        self.rows = [self._row(number) for number in range(rows)]
        self.added_before = added_before
        self.asked = 0

    async def ask(self, _: tuple[int, int], *, offset: int) -> LogPage:
        for _added in range(self.added_before.get(self.asked, 0)):
            self.rows.insert(0, self._row(len(self.rows)))
        self.asked += 1
        rows = tuple(self.rows[offset : offset + 2])
        has_more = offset + 2 < len(self.rows)
        return LogPage(rows=rows, has_more=has_more, total=len(self.rows))

    def _row(self, number: int) -> LogRow:
        return LogRow(
            client_request_id=client_request_id(RUN, 0, number, 1),
            inference_id=str(number),
            request_id=None,
            created_us=number,
            cost_nano_usd=10,
        )


class CountedTime:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s

    async def sleep(self, delay_s: float) -> None:
        self.at_s += delay_s


def reader_of(ask: AskPage) -> tuple[LogReader, CountedTime]:
    time = CountedTime()
    pace = Pace(now_s=time.now_s, sleep=time.sleep)
    return LogReader(ask=ask, pace=pace, random=RANDOM), time


@pytest.mark.parametrize("added_before", [{}, {1: 1}, {1: 3, 2: 1}, {2: 7}, {1: 1, 5: 2, 12: 1}])
async def test_rows_that_come_while_pages_are_read_are_found(added_before: dict[int, int]) -> None:
    log = ChangingLog(6, added_before=added_before)
    reader, _ = reader_of(log.ask)
    found = await reader.reconcile_run(RUN, 0, HOUR_US)
    assert found.charged_calls == len(log.rows) == 6 + sum(added_before.values())
    assert found.rows_charged_again == ()
    assert reader.is_settled


async def test_a_log_that_never_stands_still_is_told() -> None:
    log = ChangingLog(4, added_before=dict.fromkeys(range(1_000), 1))
    reader, _ = reader_of(log.ask)
    await reader.reconcile_run(RUN, 0, HOUR_US)
    assert not reader.is_settled
    assert log.asked < 1_000


async def test_page_without_rows_ends_a_pass_whatever_it_promises() -> None:
    async def ask(_: tuple[int, int], *, offset: int) -> LogPage:
        assert offset == 0
        return LogPage(rows=(), has_more=True, total=None)

    reader, _ = reader_of(ask)
    assert (await reader.reconcile_run(RUN, 0, HOUR_US)).rows == ()
    assert reader.requests == 1


class FailingFirst:
    """A log that fails so many times before it answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.times = times

    async def ask(self, _: tuple[int, int], *, offset: int) -> LogPage:
        assert offset == 0
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return LogPage(rows=(), has_more=False, total=0)


@pytest.mark.parametrize(
    ("error", "least_s", "most_s"),
    [
        (Throttled("slow down"), 180.0, 180.0),
        (Throttled("slow down", retry_after_s=5.0), 15.0, 30.0),
        (ApiUnavailable("gone"), 0.0, 10.0),
    ],
)
async def test_what_may_pass_is_waited_out(error: Exception, least_s: float, most_s: float) -> None:
    reader, time = reader_of(FailingFirst(error, 3).ask)
    await reader.reconcile_run(RUN, 0, HOUR_US)
    assert reader.requests == 4
    assert least_s <= time.at_s <= most_s


async def test_what_does_not_pass_is_raised_in_the_end() -> None:
    reader, _ = reader_of(FailingFirst(ApiUnavailable("gone"), 1_000).ask)
    with pytest.raises(ApiUnavailable):
        await reader.reconcile_run(RUN, 0, HOUR_US)
    assert reader.requests == TRIES_MAX


async def test_a_refused_key_is_raised_at_once() -> None:
    reader, time = reader_of(FailingFirst(AccessRefused("no such key"), 1).ask)
    with pytest.raises(AccessRefused):
        await reader.reconcile_run(RUN, 0, HOUR_US)
    assert (reader.requests, time.at_s) == (1, 0.0)


async def test_the_pace_is_kept_over_minutes() -> None:
    time = CountedTime()
    pace = Pace(now_s=time.now_s, sleep=time.sleep)
    asked_at_s = []
    for _ in range(5 * REQUESTS_A_MINUTE):
        await pace.wait_for_turn()
        asked_at_s.append(time.at_s)
    for first, later in zip(asked_at_s, asked_at_s[REQUESTS_A_MINUTE:], strict=False):
        assert later - first >= 60.0
    assert asked_at_s[-1] == 240.0
