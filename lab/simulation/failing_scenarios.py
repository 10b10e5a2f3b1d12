"""Scenarios for bugs in the end of a run. Each passes unless its bug is there."""

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
    """Return the broken promises: good rows must be answered, and bad ones rejected."""
    if not isinstance(run.ends[-1], RunSummary):
        return (f"not published after {len(run.ends)} tries",)
    found = []
    if run.rejected() != sorted(run.api.bad):
        found.append(f"{len(run.rejected())} rows are rejected")
    if len(run.ends) > tries:
        found.append(f"{len(run.ends)} tries")
    return tuple(found)


def an_outage_at_the_end(seed: int) -> tuple[str, ...]:
    """Fail all calls for 20 minutes when few rows are left. The next try follows at once."""
    kind = FAILURES[seed % len(FAILURES)]
    run = tries_at(
        120,
        seed=seed,
        outage=Outage(after_answers=110, kind=kind),
        max_concurrency=8,
        max_attempts=1 + seed % 3,
        max_rejected_rows=None,
    )
    run.until_published(pause_s=0.0)
    return violations_of(run, tries=4)


def an_outage_within_one_try(seed: int) -> tuple[str, ...]:
    """Begin and end an outage within one patient try."""
    run = tries_at(
        120,
        seed=seed,
        outage=Outage(after_answers=60),
        max_concurrency=8,
        max_attempts=1,
        max_rejected_rows=None,
        stall_timeout_s=3600.0,
    )
    run.until_published()
    return violations_of(run, tries=1)


def one_slow_answer_at_a_time(seed: int) -> tuple[str, ...]:
    """Break a connection shortly before its answer."""
    run = tries_at(
        4, seed=seed, answer_s=700, sigma=0.01, max_concurrency=1, request_timeout_s=900.0
    )
    run.api.broken = {1 + seed % 3: 650.0}
    run.until_published()
    return violations_of(run, tries=1)


def only_failing_rows_are_left(seed: int) -> tuple[str, ...]:
    """Fail two rows near the end always."""
    kind = FAILURES[seed % 3]
    run = tries_at(120, seed=seed, bad={100: kind, 110: kind}, max_concurrency=8)
    run.until_published(3)
    return violations_of(run, tries=2)


def a_row_is_always_a_page(seed: int) -> tuple[str, ...]:
    """Answer the only row of a run with a page always."""
    run = tries_at(1, seed=seed, bad={0: "page"})
    run.until_published()
    bought = len(run.api.bought)
    return (f"bought {bought} times",) if bought > WIRE_VIOLATIONS_MAX else ()


def a_parked_run_has_failing_rows(seed: int) -> tuple[str, ...]:
    """Park a run with failing rows. A probe is one call, so that only the journal knows how long they failed."""
    kind = FAILURES[seed % 3]
    run = tries_at(120, seed=seed, bad={100: kind, 110: kind}, max_concurrency=8)
    run.until_published(5, parks=True)
    return violations_of(run, tries=3)


def answers_take_minutes(seed: int) -> tuple[str, ...]:
    """Break a connection and all new ones until the first answers are due."""
    run = tries_at(
        17, seed=seed, answer_s=1000, sigma=0.01, max_concurrency=16, request_timeout_s=1500.0
    )
    run.api.broken = {seed % 8: 1.0} | dict.fromkeys(range(16, 36), 0.1)
    run.until_published()
    return violations_of(run, tries=1)


def no_call_is_allowed(seed: int) -> tuple[str, ...]:
    """Delay calls by the store for longer than `stall_timeout_s`, during an outage of the API."""
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
    """Refuse 7% of the rows, in a tenth of the time of an answer."""
    bad = dict.fromkeys(range(20 + seed, 600, 14), "400")
    run = tries_at(600, seed=seed, bad=bad, max_concurrency=256)  # type: ignore[arg-type]
    run.until_published()
    return violations_of(run, tries=1)
