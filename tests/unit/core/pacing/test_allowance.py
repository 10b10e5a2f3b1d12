from __future__ import annotations

from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.pacing.allowance import RequestAllowance, TokenAllowance


def most_in_a_minute(events: list[tuple[float, int]]) -> int:
    """The largest sum in any half-open window of 60 s."""
    return max(
        sum(tokens for at_s, tokens in events if start_s <= at_s < start_s + 60)
        for start_s, _ in events
    )


def waited_s(allowance: RequestAllowance, now_s: float) -> float:
    """When the next request may go."""
    while (wait_s := allowance.wait_s(now_s)) > 0:
        now_s += max(wait_s, 1e-6)
    return now_s


@given(
    per_minute=st.sampled_from([1, 7, 60, 99, 100, 600, 1234]),
    pauses_s=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.3, 20.0, 100.0]), max_size=400),
)
def test_no_minute_has_more_requests_than_were_given(per_minute, pauses_s):
    allowance, now_s, sent = RequestAllowance(per_minute=per_minute), 0.0, [(0.0, 0)]
    for pause_s in pauses_s:
        now_s += pause_s
        now_s = waited_s(allowance, now_s)
        allowance.count_request(now_s)
        sent.append((now_s, 1))
    assert most_in_a_minute(sent) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 60, 600, 12_000])
def test_nearly_all_that_was_given_is_used_and_evenly(per_minute):
    allowance, now_s, at_s = RequestAllowance(per_minute=per_minute), 0.0, []
    while now_s < 600:
        now_s = waited_s(allowance, now_s)
        allowance.count_request(now_s)
        at_s.append(now_s)
    assert 0.98 * 10 * per_minute <= len(at_s) <= 10 * per_minute + 1 + per_minute // 100


@pytest.mark.parametrize("seed", range(5))
def test_no_minute_exceeds_its_tokens_and_most_are_used(seed):
    """Whenever the API may count a call: when it comes, when it ends, or in between."""
    random, given_tokens = Random(seed), 60_000  # noqa: S311  # a seeded order of events
    allowance = TokenAllowance(per_minute=given_tokens, answer_tokens=500)
    now_s = 0.0
    flying: list[tuple[float, int, int, int]] = []
    events: list[tuple[float, int]] = []
    while now_s < 600:
        while flying and flying[0][0] <= now_s:
            end_s, reservation, prompt, answer = heappop(flying)
            allowance.settle_reservation(
                end_s, reservation, body_bytes=2000, prompt=prompt, answer=answer
            )
        wait_s = allowance.wait_s(now_s, 2000)
        if wait_s <= 0:
            prompt, answer = random.randint(400, 500), random.randint(50, 500)
            length_s = random.uniform(0.5, 8.0)
            heappush(
                flying, (now_s + length_s, allowance.reserve_for_call(now_s, 2000), prompt, answer)
            )
            events.append((now_s + random.uniform(0, length_s), prompt + answer))
            continue
        next_end_s = flying[0][0] if flying else float("inf")
        now_s = min(now_s + max(wait_s, 1e-6), next_end_s)
    assert most_in_a_minute(events) <= given_tokens
    assert sum(tokens for _, tokens in events) >= 0.75 * given_tokens * 10


def test_a_call_larger_than_a_minutes_allowance_goes_alone() -> None:
    allowance = TokenAllowance(per_minute=100)
    assert allowance.wait_s(0.0, 10_000) <= 0
    reservation = allowance.reserve_for_call(0.0, 10_000)
    assert allowance.wait_s(1.0, 1) > 0
    allowance.end_reservation(1.0, reservation, 0)
    assert allowance.wait_s(1.0, 1) <= 0
