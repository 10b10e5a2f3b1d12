"""Shares of one run in bad weather: a short set of seeds, and the bugs that they must find."""

from __future__ import annotations

import pytest

from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.share_bugs import DIRECTED_SHARES, SHARE_BUGS, caught_by_shares
from lab.simulation.shares import (
    Lane,
    ShareScenario,
    ShareSimulation,
    share_scenario_of,
    simulate_shares,
)

SEEDS = range(80)
GROUP = 20


@pytest.mark.parametrize("first", SEEDS[::GROUP])
def test_shares_in_bad_weather_keep_every_promise(first: int) -> None:
    """A failure names the seeds; `python -m lab.simulation SEED --shares --history` shows one."""
    verdicts = [simulate_shares(share_scenario_of(seed)) for seed in range(first, first + GROUP)]
    broken = {verdict.scenario.seed: verdict.violations for verdict in verdicts}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(verdict.misfortunes for verdict in verdicts) >= GROUP
    assert sum(verdict.bills_twice for verdict in verdicts) > 0, "nothing was ever at risk"


@pytest.mark.parametrize("name", SHARE_BUGS)
def test_a_seeded_bug_of_shares_is_caught(name: str) -> None:
    assert caught_by_shares(name) is not None


@pytest.mark.parametrize("name", DIRECTED_SHARES)
def test_without_its_bug_a_directed_scenario_of_shares_holds(name: str) -> None:
    for seed in range(12):
        assert simulate_shares(DIRECTED_SHARES[name](seed)).violations == ()


def test_publisher_does_not_wait_again_for_a_repaired_share() -> None:
    """An attempt at the share was killed, and another completed it."""
    shape = Shape(rows=(8, 8))
    kill = Trouble(kind="kill", at_operation=5, named="call")
    lanes = (
        Lane(share=0, starts_s=0.0, attempts=(Attempt(troubles=(kill,)), Attempt())),
        Lane(share=1, starts_s=0.0, attempts=(Attempt(),)),
    )
    settings = settings_for(shape)
    simulation = ShareSimulation(
        ShareScenario(
            common=Scenario(seed=1, shape=shape, settings=settings),
            workers=2,
            lanes=lanes,
            again=False,
        )
    )
    assert simulation.run().violations == ()
    _, _, made_good, publishing, _ = simulation.processes
    for process, waits in ((made_good, True), (publishing, False)):
        assert process.ended_s is not None
        lasted_s = process.ended_s - process.started_s
        assert (lasted_s > settings.lease_times.silence_s) == waits, process.name
