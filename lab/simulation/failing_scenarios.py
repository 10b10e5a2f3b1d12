"""Scenarios for bugs in what ends a run: each holds as long as its bug is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from lab.simulation.failing_api import FAILURES, HeldStore, Outage, tries_at

if TYPE_CHECKING:
    from lab.simulation.failing_api import Tries

HOLDS = (".*", "write .*/heartbeat/")
"""The whole store, or the right to pay alone."""
HELD_S = 115.0
"""Less than a run waits for its store."""
LAPSES_S = 12.0
"""After that no call is allowed: the right to pay is over."""


def violations_of(run: Tries, *, tries: int) -> tuple[str, ...]:
    """Return what was promised and is not so: the good rows answered, the bad ones rejected."""
    if not isinstance(run.ends[-1], RunSummary):
        return (f"not published after {len(run.ends)} tries",)
    found = []
    if run.rejected() != sorted(run.api.bad):
        found.append(f"{len(run.rejected())} rows are rejected")
    if len(run.ends) > tries:
        found.append(f"{len(run.ends)} tries")
    return tuple(found)


def an_outage_at_the_end(seed: int) -> tuple[str, ...]:
    """All calls fail for 20 minutes when few rows are left; a try follows at once."""
    kind = FAILURES[seed % len(FAILURES)]
    run = tries_at(
        120,
        seed=seed,
        outage=Outage(after_answers=110, kind=kind),
        max_concurrency=8,
        max_attempts=1 + seed % 3,
        max_rejected_rows=1.0,
    )
    run.until_published(pause_s=0.0)
    return violations_of(run, tries=4)


def an_outage_within_one_try(seed: int) -> tuple[str, ...]:
    """The try is so patient that it sees both ends of the outage."""
    run = tries_at(
        120,
        seed=seed,
        outage=Outage(after_answers=60),
        max_concurrency=8,
        max_attempts=1,
        max_rejected_rows=1.0,
        stall_timeout_s=3600.0,
    )
    run.until_published()
    return violations_of(run, tries=1)


def one_slow_answer_at_a_time(seed: int) -> tuple[str, ...]:
    """A connection breaks when an answer has almost come."""
    run = tries_at(
        4, seed=seed, answer_s=700, sigma=0.01, max_concurrency=1, request_timeout_s=900.0
    )
    run.api.broken = {1 + seed % 3: 650.0}
    run.until_published()
    return violations_of(run, tries=1)


def only_failing_rows_are_left(seed: int) -> tuple[str, ...]:
    """Two rows, not far from the end."""
    kind = FAILURES[seed % 3]
    run = tries_at(120, seed=seed, bad={100: kind, 110: kind}, max_concurrency=8)
    run.until_published(3)
    return violations_of(run, tries=2)


def a_row_is_always_a_page(seed: int) -> tuple[str, ...]:
    """In a run of one row, nothing else is answered."""
    run = tries_at(1, seed=seed, bad={0: "page"})
    run.until_published()
    bought = len(run.api.bought)
    return (f"bought {bought} times",) if bought > WIRE_VIOLATIONS_MAX else ()


def a_parked_run_has_failing_rows(seed: int) -> tuple[str, ...]:
    """A look is one call, so only the journal knows for how long they have failed."""
    kind = FAILURES[seed % 3]
    run = tries_at(120, seed=seed, bad={100: kind, 110: kind}, max_concurrency=8)
    run.until_published(5, parks=True)
    return violations_of(run, tries=3)


def answers_take_minutes(seed: int) -> tuple[str, ...]:
    """A connection breaks, and so do all new ones until the first answers are due."""
    run = tries_at(
        17, seed=seed, answer_s=1000, sigma=0.01, max_concurrency=16, request_timeout_s=1500.0
    )
    run.api.broken = {seed % 8: 1.0} | dict.fromkeys(range(16, 36), 0.1)
    run.until_published()
    return violations_of(run, tries=1)


def no_call_is_allowed(seed: int) -> tuple[str, ...]:
    """The store holds calls back for longer than `stall_timeout_s`, in the midst of an API's outage."""
    holds = HOLDS[seed % len(HOLDS)]
    run = tries_at(
        120,
        seed=seed,
        outage=Outage(after_answers=60, lasts_s=HELD_S + 2.0),
        max_concurrency=4,
        unflushed_rows_max=1,
        lease_ttl_s=10.0,
        stall_timeout_s=HELD_S - 5.0,
    )
    run.store = HeldStore(run.api, holds=holds, lasts_s=HELD_S)
    run.until_published()
    found = violations_of(run, tries=1)
    is_held = run.calls_between(LAPSES_S, HELD_S) == 0
    return found if is_held else (*found, "calls were made meanwhile")


def refusals_overtake_answers(seed: int) -> tuple[str, ...]:
    """7% of the rows are refused, in a tenth of the time that an answer takes."""
    bad = dict.fromkeys(range(20 + seed, 600, 14), "400")
    run = tries_at(600, seed=seed, bad=bad, max_concurrency=256)  # type: ignore[arg-type]
    run.until_published()
    return violations_of(run, tries=1)
