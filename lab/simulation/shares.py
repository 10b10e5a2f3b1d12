"""One run on several workers: attempts at its shares, and at the whole, at the same time.

Each share has a lane of attempts, one after the other or two at once; in some seeds the whole run has one,
too, which begins before the shares are done. When all of that is over, the weather clears up, some shares
are asked for once more, and the whole run must publish.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable import segments
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import TooManyRejections
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import (
    CALM,
    Attempt,
    Scenario,
    attempt_of,
    settings_for,
    weather_of,
    with_failing_rows,
    with_forbidden_rows,
    with_pages,
)
from lab.simulation.scheduler import EndlessRun
from lab.simulation.simulated_api import NANO_USD, cost_nano_usd
from lab.simulation.simulation import MERGED_AT_ONCE, VAIN_ATTEMPTS_MAX, Simulation, Verdict
from lab.simulation.swapping import swapped

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.settings import Settings
    from lab.simulation.process import Process

SHAPES = (
    Shape(rows=(7, 11)),
    Shape(rows=(12, 3, 9), nulls=frozenset({2, 13})),
    Shape(rows=(6, 0, 14), poison=frozenset({4, 15})),
    Shape(rows=(10, 10, 10, 10)),
    Shape(rows=(9, 8, 7, 6, 5), nulls=frozenset({0, 34})),
)
ATTEMPTS_MAX = 3
DEAREST = 4 * NANO_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The attempts at one share.

    Attributes:
        share: None for the whole run. starts_s: when the first of them begins.
    """

    share: int | None
    starts_s: float
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareScenario:
    """A seed, written out.

    Attributes:
        common: its own attempts are none.
        workers: for how many the run is planned; its shares may be fewer.
        again: whether all shares are asked for once more at the end.
    """

    common: Scenario
    workers: int
    lanes: tuple[Lane, ...]
    again: bool = True


def share_scenario_of(seed: int) -> ShareScenario:
    """Draw everything that a seed decides before the start."""
    random = Random(f"{seed} shares")
    shape = with_failing_rows(with_forbidden_rows(random.choice(SHAPES), seed), seed)
    workers = random.randint(2, 4)
    settings = _settings(random, shape)
    lanes = [_lane(random, share, 3.0) for share in range(workers)]
    if random.random() < 0.5:
        lanes.append(_lane(random, None, 40.0))
    return ShareScenario(
        common=Scenario(
            seed=seed,
            shape=shape,
            settings=settings,
            weather=with_pages(weather_of(random, settings), seed),
        ),
        workers=workers,
        lanes=tuple(lanes),
        again=random.random() < 0.5,
    )


def _lane(random: Random, share: int | None, latest_s: float) -> Lane:
    count = random.randint(1, ATTEMPTS_MAX)
    attempts = tuple(attempt_of(random) for _ in range(count))
    return Lane(share=share, starts_s=random.uniform(0.0, latest_s), attempts=attempts)


def _settings(random: Random, shape: Shape) -> Settings:
    """Return settings with few calls in flight, so that an exceeded budget shows."""
    return settings_for(
        shape,
        max_concurrency=random.randint(1, 4),
        unflushed_rows_max=random.randint(2, 6),
        request_timeout_s=random.choice((10.0, 30.0)),
        lease_ttl_s=random.choice((6.0, 12.0, 30.0)),
        max_cost_usd=random.uniform(0.01, 0.08) if random.random() < 0.5 else None,
        stall_timeout_s=60.0,
    )


@dataclass(slots=True)
class _Running:
    """A lane on its way: its attempts so far."""

    lane: Lane
    processes: list[Process] = field(default_factory=list)


class ShareSimulation(Simulation):
    """One scenario of shares, up to a re-run of the published run."""

    def __init__(self, scenario: ShareScenario) -> None:
        super().__init__(scenario.common)
        self._shares_scenario = scenario
        self._running: dict[int, _Running] = {}
        self._budgeted: set[int] = set()
        self.shares = 0

    @swapped(segments, "MERGED_AT_ONCE", MERGED_AT_ONCE)
    def run(self) -> Verdict:
        """Run all lanes, and judge them."""
        plan = prepare_run(
            self._job(),
            lambda _: self.objects,
            SystemClock(),
            workers=self._shares_scenario.workers,
        ).plan
        self.shares = len(plan.shares)
        for lane in self._shares_scenario.lanes:
            if lane.share is None or lane.share < self.shares:
                self.scheduler.after(lane.starts_s, partial(self._next, _Running(lane)))
        try:
            self.scheduler.run()
            self._clear_up()
            self._judge()
        except EndlessRun as error:
            self.watcher.blame(f"no end: {error}")
        return self._verdict()

    def _next(self, running: _Running) -> None:
        index = len(running.processes)
        if index < len(running.lane.attempts):
            self._budgeted.add(len(self.processes) + 1)
            self._begin(running, running.lane.attempts[index], self.scenario.settings)

    def _begin(self, running: _Running, attempt: Attempt, settings: Settings) -> Process:
        self._running[len(self.processes) + 1] = running
        process = self._start(attempt, settings)
        running.processes.append(process)
        return process

    def _follow(self, process: Process) -> None:
        """Start the lane's attempt after this one, unless that has happened."""
        running = self._running.get(process.number)
        if running is not None and process is running.processes[-1]:
            self._next(running)

    def _share_of(self, process: Process) -> int | None:
        running = self._running.get(process.number)
        return None if running is None else running.lane.share

    def _clear_up(self) -> None:
        """Start last attempts in good weather, without troubles or budget."""
        self._sky.weather = CALM
        self.history.add(self.scheduler.now_s, "world", "the weather clears up")
        calm = replace(self.scenario.settings, max_cost_usd=None)
        if self._shares_scenario.again:
            for share in range(self.shares):
                last = Lane(share=share, starts_s=0.0, attempts=())
                self._begin(_Running(last), Attempt(), calm)
            self.scheduler.run()
        for _ in range(1 + VAIN_ATTEMPTS_MAX):
            whole = _Running(Lane(share=None, starts_s=0.0, attempts=()))
            process = self._begin(whole, Attempt(), calm)
            self.scheduler.run()
            if process.report is not None:
                return
            asks_again = isinstance(process.error, TooManyRejections)
            calm = replace(calm, retry_rejected=asks_again)

    def _check_budget(self) -> None:
        """Check the budget of all shares. Only calls in flight and unseen charges may exceed it."""
        budget = self.scenario.settings.budget_nano_usd
        if budget is None:
            return
        calls = [call for call in self.api.ledger.billed() if call.process.number in self._budgeted]
        spent = sum(cost_nano_usd(call.prompt) for call in calls)
        unseen = sum(cost_nano_usd(call.prompt) for call in calls if call.end != "answered")
        for misfortune in self.watcher.misfortunes:
            unseen += sum(cost_nano_usd(prompt) for prompt in misfortune.at_risk)
        in_flight = self.shares * self.scenario.settings.max_concurrency * DEAREST
        if spent > budget + unseen + in_flight:
            self.watcher.blame(f"{spent} nano-dollars were spent of {budget}")


def simulate_shares(scenario: ShareScenario) -> Verdict:
    """Run a scenario and judge it."""
    return ShareSimulation(scenario).run()
