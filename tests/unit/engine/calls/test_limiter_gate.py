from __future__ import annotations

import asyncio
from random import Random

import pytest

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.core.pacing.allowance import RequestAllowance, TokenAllowance
from airflow_provider_aimlapi.core.pacing.bound import Bound
from airflow_provider_aimlapi.core.pacing.episode import Sent
from airflow_provider_aimlapi.core.pacing.gate import PROBE_S_MAX, PROBE_S_MIN
from airflow_provider_aimlapi.engine.calls.allowances import Allowances
from airflow_provider_aimlapi.engine.calls.limiter import TRIP_IDLE_S, Limiter
from airflow_provider_aimlapi.errors import (
    ApiError,
    ApiUnavailable,
    RequestRejected,
    Throttled,
    WireViolation,
)
from tests.fakes.virtual_loop import VirtualClock, run_virtual

ANSWERED = Completion(text="", status="ok")
DOWN = ApiUnavailable("down", status=503)
REFUSED = Throttled("too many", status=429)


def new_limiter(
    allowances: Allowances | None = None, *, starts_with_probe: bool = False
) -> Limiter:
    return Limiter(
        ceiling=256,
        budget=Budget(),
        clock=VirtualClock(),
        random=Random(1),  # noqa: S311  # a seeded order of events
        allowances=allowances,
        starts_with_probe=starts_with_probe,
    )


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def admitted(limiter: Limiter, hold_s: float = 0.0) -> float:
    """Take a permit, hold it for a while; return when it came."""
    async with limiter.permit(800):
        came_s = now_s()
        await asyncio.sleep(hold_s)
    return came_s


async def closed_by_429s(limiter: Limiter) -> None:
    """Have call after call refused, until single ones are sent to look."""
    while limiter.window.gate.is_open:
        async with limiter.permit() as sent:
            await asyncio.sleep(0.1)
            limiter.settle(sent, REFUSED)


def test_total_refusal_makes_single_probes_ever_rarer() -> None:
    async def main() -> None:
        limiter = new_limiter()
        await closed_by_429s(limiter)
        before, closed_s = limiter.requests, now_s()
        pauses_s: list[float] = []
        last_s = now_s()
        while now_s() < closed_s + 3600:
            async with limiter.permit() as sent:
                assert limiter.in_flight == 1
                pauses_s.append(sent.at_s - last_s)
                await asyncio.sleep(0.1)
                limiter.settle(sent, REFUSED)
                last_s = now_s()
        assert min(pauses_s) == pytest.approx(PROBE_S_MIN)
        assert max(pauses_s) == pytest.approx(PROBE_S_MAX)
        assert 120 <= limiter.requests - before <= 250

    run_virtual(main())


def test_accepted_call_opens_the_gate_before_its_answer() -> None:
    async def main() -> None:
        limiter = new_limiter()
        await closed_by_429s(limiter)
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(admitted(limiter, hold_s=60)) for _ in range(3)]
            await asyncio.sleep(3)
            assert limiter.in_flight == 3
        assert len(waiting) == 3

    run_virtual(main())


def sent_now(number: int) -> Sent:
    return Sent(number=number, at_s=now_s(), level=1, is_full=False, is_beyond=False)


async def failed(limiter: Limiter, error: ApiError = DOWN) -> None:
    """A call that is answered 503, or that ends in another way."""

    async def call() -> None:
        async with limiter.permit() as sent:
            await asyncio.sleep(0.5)
            limiter.settle(sent, error)
            raise error

    with pytest.raises(type(error)):
        await call()


def is_open(limiter: Limiter) -> bool:
    return limiter.window.gate.is_open


def test_failing_api_is_probed_until_an_answer_frees_all() -> None:
    async def main() -> None:
        limiter = new_limiter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(30):
                tasks.create_task(failed(limiter))
        assert is_open(limiter)  # so far it may be a bad moment
        await asyncio.sleep(TRIP_IDLE_S)
        await failed(limiter)
        assert not is_open(limiter)
        async with asyncio.TaskGroup() as tasks:
            came = [tasks.create_task(admitted(limiter, hold_s=20)) for _ in range(5)]
            await asyncio.sleep(15)
            assert limiter.in_flight == 1  # its answer is waited for
            limiter.settle(sent_now(99), ANSWERED)
            await asyncio.sleep(0.1)
            assert limiter.in_flight == 5
        assert len(came) == 5

    run_virtual(main())


async def closed_by_failures(limiter: Limiter) -> None:
    await asyncio.sleep(TRIP_IDLE_S)
    while is_open(limiter):
        await failed(limiter)


@pytest.mark.parametrize(
    ("error", "lets_all_go"),
    [(RequestRejected("400", status=400), True), (WireViolation("no JSON", status=200), False)],
    ids=["rejected", "unreadable"],
)
def test_any_result_of_the_probe_ends_the_wait(error: ApiError, lets_all_go: bool) -> None:
    async def main() -> None:
        limiter = new_limiter()
        await closed_by_failures(limiter)
        await failed(limiter, error)
        assert is_open(limiter) is lets_all_go
        await admitted(limiter)

    run_virtual(main())


def test_run_with_a_first_probe_sends_one_call_first() -> None:
    """The others follow once it is answered."""

    async def main() -> None:
        limiter = new_limiter(starts_with_probe=True)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(5):
                tasks.create_task(admitted(limiter, hold_s=30))
            await asyncio.sleep(20)
            assert limiter.in_flight == 1
            limiter.settle(sent_now(1), ANSWERED)
            await asyncio.sleep(0.1)
            assert limiter.in_flight == 5

    run_virtual(main())


async def burst(limiter: Limiter, calls: int) -> list[float]:
    """When each of so many calls went, each of which takes two seconds."""
    async with asyncio.TaskGroup() as tasks:
        tasks_of_calls = [tasks.create_task(admitted(limiter, hold_s=2)) for _ in range(calls)]
    return sorted(task.result() for task in tasks_of_calls)


def test_request_allowance_is_used_and_kept_in_every_minute() -> None:
    async def main() -> list[float]:
        limiter = new_limiter(Allowances(requests=RequestAllowance(per_minute=300)))
        came_s = await burst(limiter, 1500)
        assert limiter.bound_times.longest_bound() is Bound.ALLOWANCE
        return came_s

    came_s = run_virtual(main())
    assert max(sum(a <= b < a + 60 for b in came_s) for a in came_s) <= 300
    assert came_s[-1] < 310


def test_token_allowance_counts_reservations_without_reported_tokens() -> None:
    """800 bytes are reckoned as 400 tokens, the answer as 1,024: 42 such calls fit a minute."""

    async def main() -> list[float]:
        tokens = TokenAllowance(per_minute=60_000, answer_tokens=1024)
        return await burst(new_limiter(Allowances(tokens=tokens)), 210)

    came_s = run_virtual(main())
    assert max(sum(a <= b < a + 60 for b in came_s) for a in came_s) <= 42
    assert came_s[-1] < 330


def test_bug_in_the_timer_holds_no_call_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the timer makes room under a given limit."""

    def fail(*_: object) -> None:
        raise LookupError

    async def main() -> list[float]:
        limiter = new_limiter(Allowances(requests=RequestAllowance(per_minute=300)))
        monkeypatch.setattr(limiter, "_on_time", fail)
        return await burst(limiter, 310)

    assert 1.0 < run_virtual(main())[-1] < 120.0
