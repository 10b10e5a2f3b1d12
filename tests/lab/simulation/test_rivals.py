"""Runs that show themselves at one output path never leave a mixture."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.engine.durable.lease import Lease
from airflow_provider_aimlapi.engine.durable.visible_run import VisibleRun
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.storage.output import visible_files as publication
from airflow_provider_aimlapi.storage.output.changes import Change
from airflow_provider_aimlapi.storage.output.visible_parts import VisibleParts
from lab.simulation.rivals import Rivals
from lab.simulation.swapping import swapped

SEEDS = range(100)
BUG_SEEDS = 200
_is_settled = VisibleRun._is_settled
GROUP = 25


@pytest.mark.parametrize("first", SEEDS[::GROUP])
def test_plain_readers_see_one_run_whole(first: int) -> None:
    worlds = {seed: Rivals(seed) for seed in range(first, first + GROUP)}
    broken = {seed: world.run() for seed, world in worlds.items()}
    assert {seed: violations for seed, violations in broken.items() if violations} == {}
    assert sum(world.misfortunes for world in worlds.values()) > GROUP


def violations_soon(named: str = "", first: int = 0) -> list[str]:
    for seed in range(first, first + BUG_SEEDS):
        if found := Rivals(seed, named=named).run():
            return found
    return []


async def publish_at_once(self: VisibleRun) -> bool:
    """Asks nobody and waits for nobody."""
    lease = Lease(self._leases, 0, times=self._times, clock=self._clock, stop=self._world.stop)
    lease._right_until_s = float("inf")
    await persist_in_thread(self._clock, self._write_visible, lease)
    return True


def test_a_write_that_comes_late_is_written_over() -> None:
    assert [Rivals(seed, named="copy ").run() for seed in range(50)] == [[]] * 50


def settled_although_late(self: VisibleRun) -> bool:
    """Forgets that a write of its own may be on its way still."""
    self._may_arrive_late = False
    return _is_settled(self)


def test_without_waiting_for_each_other_they_leave_a_mixture() -> None:
    with swapped(VisibleRun, "_has_shown_under_lease", publish_at_once):
        assert violations_soon()


def test_without_a_second_writing_a_late_write_stays() -> None:
    with swapped(VisibleRun, "_is_settled", settled_although_late):
        assert violations_soon("copy ", first=160)  # in none before does a write come that late


def test_without_removing_others_their_parts_stay() -> None:
    with swapped(VisibleParts, "names_of_parts", lambda _: set()):
        assert violations_soon()


def test_cut_publication_without_a_change_blocks_the_next() -> None:
    with swapped(publication, "create_change", lambda *_: None):
        assert violations_soon()


def test_third_run_beside_two_cut_ones_is_blocked() -> None:
    with swapped(publication, "_leaving_run", lambda *_: None):
        assert violations_soon("copy ", first=290)  # it takes two publications that are cut short


def change_that_forgets(self: Change, run_key: str) -> Change:
    """Names no run that goes."""
    return Change(run_key=run_key)


def test_change_without_the_replaced_run_is_in_the_way() -> None:
    with swapped(Change, "change_to", change_that_forgets):
        assert violations_soon()
