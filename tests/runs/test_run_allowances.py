"""Limits that a person has given, in whole runs: what the API's own ledger saw, and when."""

from __future__ import annotations

import pytest

from aimlapi_simulator import Fault
from tests.runs.conftest import Workplace, script, texts_table

COMPLETIONS = "/v1/chat/completions"


def arrivals_s(place: Workplace) -> list[float]:
    """When each request for a completion came, whatever became of it."""
    records = [one for one in place.sim.ledger.requests if one.path == COMPLETIONS]
    return sorted(one.at_s - one.duration_s for one in records)


@pytest.mark.parametrize("broken", [0.0, 0.3])
def test_requests_come_no_faster_than_was_given_retries_included(
    place: Workplace, broken: float
) -> None:
    """1,200 a minute: 13 may come at once after a pause, then one each 60/1188 s.

    Measured from before the run: a request may come later than it was sent, and never before.
    """
    place.sim.follow(script(faults=(Fault(kind="503", share=broken),)))
    place.write(texts_table(40))
    from_s = place.sim.state.clock.now_s()
    report = place.run(requests_per_minute=1200, max_concurrency=64)
    came_s = arrivals_s(place)
    assert report.tally.ok == 40
    assert len(came_s) == report.requests >= 40
    assert (len(came_s) > 40) == (broken > 0)
    early = [n for n, at_s in enumerate(came_s) if at_s - from_s < (n - 12) * 60 / 1188 - 1e-3]
    assert early == []
    if not broken:  # else the pauses before a retry may be longer than those for the limit
        assert report.bound_by == "given-rate"


def test_unreached_allowance_costs_no_time_and_no_blame(
    place: Workplace,
) -> None:
    place.write(texts_table(40))
    report = place.run(requests_per_minute=10**9, tokens_per_minute=10**12)
    assert report.tally.ok == 40
    assert report.bound_by != "given-rate"


def test_tokens_stay_within_the_allowance_which_bounds_the_run(
    place: Workplace,
) -> None:
    """What the API counted, less a call's share that is due only after it went."""
    place.write(texts_table(60))
    from_s = place.sim.state.clock.now_s()
    report = place.run(tokens_per_minute=120_000, max_concurrency=16)
    tokens = report.tally.prompt_tokens + report.tally.completion_tokens
    dearest = max(r.prompt_tokens + r.completion_tokens for r in place.sim.ledger.billed)
    assert report.tally.ok == 60
    assert tokens > 10 * dearest
    assert max(arrivals_s(place)) - from_s >= 0.8 * (tokens - dearest) * 60 / 120_000
    assert report.bound_by == "given-rate"
