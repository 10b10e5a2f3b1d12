"""Marked calls over virtual time: how long others wait, and how often the head is written."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.marks.head_cache import LEAD_S, LEADS_MAX
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import ApiUnavailable, RunInterrupted
from tests.fakes.prepared_run import PreparedRun
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

HEAD = "Sort each ticket by its subject. " * 250
HEAD_TOKENS = 2_000
KEPT_S = 300.0


@dataclass
class CachingApi:
    """An API with a prompt cache. A head can be read once the answer that wrote it has begun.

    Attributes:
        latency_s: of the call with this number, from 0.
        begins_s: from a call to the beginning of its answer.
        fails: whether a call with this number, at this time, fails.
        sent_s: when each call was sent.
        writes: when each write began.
    """

    latency_s: Callable[[int], float] = lambda _number: 1.0
    begins_s: float = 1.0
    fails: Callable[[int, float], bool] = lambda _number, _now_s: False
    sent_s: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    _readable_s: float = float("inf")
    _until_s: float = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def send(self, body: bytes, _client_request_id: str) -> Answer:
        """Answer after the latency, or fail after a tenth of a second."""
        number, now_s = len(self.sent_s), asyncio.get_running_loop().time()
        self.sent_s.append(now_s)
        if self.fails(number, now_s):
            await asyncio.sleep(0.1)
            raise ApiUnavailable("no", status=500)
        read = written = 0
        if b'"cache_control"' in body:
            if self._readable_s <= now_s < self._until_s:
                read = HEAD_TOKENS
            else:
                written = HEAD_TOKENS
                self.writes.append(now_s)
                self._readable_s = now_s + self.begins_s
            self._until_s = now_s + KEPT_S
        await asyncio.sleep(self.latency_s(number))
        return answer(read, written)


def answer(read: int, written: int) -> Answer:
    details = {"cached_tokens": read, "cache_write_tokens": written}
    usage = {"prompt_tokens": HEAD_TOKENS + 5, "prompt_tokens_details": details}
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    return Answer(
        status=200,
        content_type="application/json",
        body=json.dumps({"choices": [choice], "usage": usage}).encode(),
        usd_spent="0.000000100",
    )


def ask(
    api: CachingApi, rows: int = 30, *, stop: StopSignal | None = None, ceiling: int = 16
) -> RunSummary:
    """Run over this number of rows, whose prompts begin with the head."""
    texts: list[str | None] = [f"Ticket {number}." for number in range(rows)]
    a_run = PreparedRun(texts, changes={"prompt": HEAD + "{body}"})
    settings = Settings(max_concurrency=ceiling, stall_timeout_s=3_600, max_attempts=50)
    return run_virtual(run(a_run.job, settings, a_run.world(api, stop)))  # type: ignore[arg-type]


def test_the_head_is_written_once() -> None:
    api = CachingApi()
    assert ask(api).tally.ok == 30
    assert len(api.writes) == 1
    assert sorted(api.sent_s)[1] - api.sent_s[0] >= 1.0


def test_workers_are_not_serialised() -> None:
    """After the lead, as many calls are in flight as without marks."""
    api = CachingApi(latency_s=lambda _number: 10.0)
    ask(api, rows=33)
    assert max(api.sent_s) - api.sent_s[0] < 40.0  # two rounds of sixteen, after the lead's


def test_a_slow_lead_holds_others_up_for_seconds() -> None:
    api = CachingApi(latency_s=lambda number: 1.0 if number else 250.0)
    assert ask(api).tally.ok == 30
    assert api.sent_s[1] - api.sent_s[0] == pytest.approx(LEAD_S, abs=0.1)
    assert max(api.sent_s) - api.sent_s[0] < 2 * LEAD_S
    assert len(api.writes) == 1


def test_failing_leads_let_others_go() -> None:
    api = CachingApi(fails=lambda number, _now_s: number < LEADS_MAX)
    assert ask(api).tally.ok == 30
    assert len(api.writes) == 1
    assert api.sent_s[LEADS_MAX + 4] - api.sent_s[0] < LEAD_S


def test_an_outage_is_followed_by_one_write() -> None:
    """Workers that waited for the API for minutes do not write the head all at once."""
    api = CachingApi(fails=lambda number, now_s: number > 40 and now_s < 900.0)
    assert ask(api, rows=200).tally.ok == 200
    assert len(api.writes) == 2
    assert min(api.writes[1:]) > 300.0


def test_waiting_workers_end_with_the_run() -> None:
    stop = StopSignal()

    def latency_s(_number: int) -> float:
        stop.request_stop()
        return 5.0

    api = CachingApi(latency_s=latency_s)
    with pytest.raises(RunInterrupted):
        ask(api, stop=stop)
    assert len(api.sent_s) == 1
