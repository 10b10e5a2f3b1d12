"""Seeded bugs of shares: each takes one promise-keeping line out, and only a run on workers shows it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.lease import Watch
from airflow_provider_aimlapi.core.money.budget import Budget
from airflow_provider_aimlapi.engine.calls import live
from airflow_provider_aimlapi.engine.durable import share_budget
from airflow_provider_aimlapi.storage.runs import lease_store
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.shares import Lane, ShareScenario, share_scenario_of, simulate_shares
from lab.simulation.swapping import swapped
from lab.simulation.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


SEEDS_MAX = 60
SHAPE = Shape(rows=(12, 12))


@contextmanager
def _claimed_by_turns() -> Iterator[None]:
    """Let the lease of a share ignore the lease of the run."""

    def do_meet(share: int | None, other: int | None) -> bool:
        return share == other

    with swapped(lease_store, "do_meet", do_meet):
        yield


SHARE_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "a share leases nothing": lambda: swapped(lease_store, "do_meet", lambda *_: False),
    "a share heeds no attempt at the whole run": _claimed_by_turns,
    "who only waited counts as one who ran": lambda: swapped(
        Watch, "has_run", property(lambda self: self._last is not None)
    ),
    "each share has the whole budget": lambda: swapped(
        share_budget, "part_of_budget", lambda whole, *_, **__: whole
    ),
    "a share spends its part after the whole run has spent it": lambda: swapped(
        share_budget, "_has_whole_run_paid", lambda *_: False
    ),
    "a share forgets what it spent before": lambda: swapped(
        live, "open_budget", lambda _, settings: Budget(budget_nano_usd=settings.budget_nano_usd)
    ),
}


def begun_beside_the_whole_run(seed: int) -> ShareScenario:
    """Start a share while an attempt at the whole run has calls in flight."""
    lanes = (
        Lane(share=None, starts_s=0.0, attempts=(Attempt(),)),
        Lane(share=0, starts_s=3.0, attempts=(Attempt(),)),
    )
    return ShareScenario(
        common=Scenario(
            seed=seed,
            shape=SHAPE,
            settings=settings_for(SHAPE),
            weather=Weather(api_latency_s=8.0),
        ),
        workers=2,
        lanes=lanes,
    )


def begun_twice_while_the_first_drains(seed: int) -> ShareScenario:
    """Start a second attempt, which only waits for the first, and a third, which finds its heartbeats."""
    attempts = (Attempt(twin_after_s=3.0), Attempt(twin_after_s=2.0), Attempt())
    return ShareScenario(
        common=Scenario(
            seed=seed,
            shape=SHAPE,
            settings=settings_for(SHAPE),
            weather=Weather(api_latency_s=25.0),
        ),
        workers=2,
        lanes=(Lane(share=0, starts_s=0.0, attempts=attempts),),
    )


def on_a_tight_budget(seed: int) -> ShareScenario:
    """Run two shares with half the budget that either of them needs. One of them is stopped repeatedly."""
    stopped = Attempt(troubles=(Trouble(kind="stop", at_operation=5, named="call"),))
    lanes = (
        Lane(share=0, starts_s=0.0, attempts=(stopped, stopped, stopped)),
        Lane(share=1, starts_s=0.0, attempts=(Attempt(),)),
    )
    settings = settings_for(SHAPE, max_concurrency=1, max_cost_usd=0.015)
    return ShareScenario(
        common=Scenario(seed=seed, shape=SHAPE, settings=settings), workers=2, lanes=lanes
    )


def after_the_whole_run_has_spent(seed: int) -> ShareScenario:
    """Spend the budget on one share by an attempt at the whole run, then start the other share."""
    lanes = (
        Lane(share=None, starts_s=0.0, attempts=(Attempt(),)),
        Lane(share=1, starts_s=600.0, attempts=(Attempt(),)),
    )
    shape = Shape(rows=(24, 24))
    settings = settings_for(shape, max_concurrency=1, max_cost_usd=0.05)
    return ShareScenario(
        common=Scenario(seed=seed, shape=shape, settings=settings), workers=2, lanes=lanes
    )


DIRECTED_SHARES: dict[str, Callable[[int], ShareScenario]] = {
    "each share has the whole budget": on_a_tight_budget,
    "a share forgets what it spent before": on_a_tight_budget,
    "a share spends its part after the whole run has spent it": after_the_whole_run_has_spent,
    "who only waited counts as one who ran": begun_twice_while_the_first_drains,
    "a share heeds no attempt at the whole run": begun_beside_the_whole_run,
}
"""By the bug that each is for: random seeds meet it too seldom."""


def caught_by_shares(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    made = DIRECTED_SHARES.get(name, share_scenario_of)
    with SHARE_BUGS[name]():
        for seed in range(SEEDS_MAX):
            violations = simulate_shares(made(seed)).violations
            if violations:
                return f"seed {seed}: {violations[0]}"
    return None
