"""Runs a scenario: the engine and the storage code as they are, everything around them simulated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable import segments
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from airflow_provider_aimlapi.engine.calls.descriptors import calls_within
from airflow_provider_aimlapi.engine.durable.lease import Superseded
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    AimlapiError,
    ApiUnavailable,
    TooManyRejections,
)
from lab.simulation.dataset_shapes import FILES, PROMPT, input_of
from lab.simulation.history import History
from lab.simulation.process import Process, SimulatedClock
from lab.simulation.published import check_published, check_rows, check_tidy
from lab.simulation.scenario import CALM, Attempt
from lab.simulation.scheduler import EndlessRun, Scheduler
from lab.simulation.simulated_api import (
    NANO_USD,
    SimulatedApi,
    SimulatedClient,
    answer_to,
    cost_nano_usd,
)
from lab.simulation.simulated_sink import SimulatedSink
from lab.simulation.simulated_store import SimulatedStore
from lab.simulation.swapping import swapped
from lab.simulation.watch import Watcher
from lab.simulation.weather import Sky
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.engine.settings import Settings
    from lab.simulation.scenario import Scenario, Trouble

LIMIT_S = 60_000.0
MERGED_AT_ONCE = 2
"""Segments, so that runs of some dozen rows merge some, and merge merged ones."""
STEPS_MAX = 2_000_000
VAIN_ATTEMPTS_MAX = 3
RERUN_OPERATIONS_MAX = 7
"""Plan, manifest, `_SUCCESS` twice, the listing of visible parts, that of the journal twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of a seed.

    Attributes:
        violations: promises that were broken; none is what we want.
        rows, bills, misfortunes: how much there was to go wrong.
        bills_twice: bills beyond one a row.
        operations: of each process, in the order of their starts.
    """

    scenario: Scenario
    violations: tuple[str, ...]
    history: History
    rows: int
    bills: int
    bills_twice: int
    misfortunes: int
    operations: tuple[int, ...]


class Simulation:
    """One scenario, from its first attempt to a re-run of the published run.

    Attributes:
        api_class, watcher_class: the simulated API, and what checks the promises.
    """

    api_class: ClassVar[type[SimulatedApi]] = SimulatedApi
    watcher_class: ClassVar[type[Watcher]] = Watcher

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.history = History()
        self.scheduler = Scheduler(limit_s=LIMIT_S, steps_max=STEPS_MAX)
        self.objects = MemoryStore()
        self.processes: list[Process] = []
        self._data = input_of(scenario.shape)
        self._sky = Sky(scenario.weather)
        self._random = Random(f"{scenario.seed} world")
        settings = scenario.settings
        self.watcher = self.watcher_class(
            self._data,
            self.objects,
            unflushed_max=settings.unflushed_rows_max,
            in_flight_max=settings.max_concurrency,
            rejected_max=settings.rejections_allowed(sum(scenario.shape.rows)),
        )
        self.api = self.api_class(
            self.scheduler,
            sky=self._sky,
            timeout_s=settings.request_timeout_s,
            random=self._random,
        )

    @swapped(segments, "MERGED_AT_ONCE", MERGED_AT_ONCE)
    def run(self) -> Verdict:
        """Run all attempts, and judge them."""
        self._start_next()
        try:
            self.scheduler.run()
            self._judge()
        except EndlessRun as error:
            self.watcher.blame(f"no end: {error}")
        return self._verdict()

    def _verdict(self) -> Verdict:
        bills = len(self.api.ledger.billed())
        asked = len({call.prompt for call in self.api.ledger.billed()})
        return Verdict(
            scenario=self.scenario,
            violations=tuple(self.watcher.violations),
            history=self.history,
            rows=sum(self.scenario.shape.rows),
            bills=bills,
            bills_twice=bills - asked,
            misfortunes=len(self.watcher.misfortunes),
            operations=tuple(process.operations for process in self.processes),
        )

    # Attempts.

    def _start_next(self) -> None:
        """Start the next attempt. The last one has good weather and no budget."""
        index = len(self.processes)
        attempts = self.scenario.attempts
        settings = self.scenario.settings
        if index < len(attempts):
            self._start(attempts[index], settings)
        elif index == len(attempts):
            self._sky.weather = CALM
            self.history.add(self.scheduler.now_s, "world", "the weather clears up")
            self._start(Attempt(), replace(settings, max_cost_usd=None))
        elif index < len(attempts) + VAIN_ATTEMPTS_MAX and self._was_in_vain():
            asks_again = isinstance(self.processes[-1].error, TooManyRejections)
            calm = replace(settings, max_cost_usd=None, retry_rejected=asks_again)
            self._start(Attempt(), calm)

    def _was_in_vain(self) -> bool:
        """Return whether the last attempt failed because of earlier events.

        It made room for an earlier one that began late and then ended; or rows were rejected in
        bad weather and stand so in a durable part, until an attempt sends them again; or two
        forbidden rows were sent one after the other, and a person must check the key; or only
        rows were left that always fail, which takes a second attempt to know.
        """
        error = self.processes[-1].error
        if isinstance(error, AccessRefused):
            return len(self.scenario.shape.forbidden) > 1
        if isinstance(error, ApiUnavailable):
            return bool(self.scenario.shape.failing)
        return isinstance(error, (Superseded, TooManyRejections))

    def _start(self, attempt: Attempt, settings: Settings) -> Process:
        process = Process(len(self.processes) + 1, self.scheduler, self.history)
        self.processes.append(process)
        process.on_end = lambda ended: self._ended(ended, attempt)
        for trouble in attempt.troubles:
            self._arrange(process, trouble)
        if attempt.twin_after_s is not None:
            self.scheduler.after(attempt.twin_after_s, lambda: self._follow(process))
        if settings.retry_rejected:
            answered = {call.prompt for call in self.api.ledger.calls if call.end == "answered"}
            stored = set(filter(self.watcher.is_answer_durable, answered))
            asked = {name for prompt in self._data.asked for name in self.watcher.names_of(prompt)}
            self.watcher.asks_rejected(process, (asked - stored) | self._resent())
        process.start(lambda: self._main(process, settings))
        return process

    def _resent(self) -> set[str]:
        """Return the calls that are made again although their answers are stored."""
        return set()

    def _follow(self, process: Process) -> None:
        """Start the attempt after this one, unless that has happened."""
        if process is self.processes[-1]:
            self._start_next()

    def _ended(self, process: Process, attempt: Attempt) -> None:
        if not process.loop.is_dead:
            self.watcher.process_ended(process)
            is_odd = process.error is not None and not isinstance(process.error, AimlapiError)
            if is_odd and not process.has_met_bug:
                self.watcher.blame(f"{process.name} ended with {process.error!r}")
        self.scheduler.after(attempt.retry_after_s, lambda: self._follow(process))

    def _main(self, process: Process, settings: Settings) -> Coroutine[Any, Any, RunSummary]:
        random = Random(f"{self.scenario.seed} {process.name}")
        store = SimulatedStore(
            process, self.objects, sky=self._sky, random=self._random, watcher=self.watcher
        )
        if self.scenario.descriptors is not None:
            process.descriptors = self.scenario.descriptors
            calls = calls_within(process.descriptors, open_now=0)
            calls = min(settings.max_concurrency, calls)
            settings = replace(settings, max_concurrency=calls)
        world = World(
            clock=SimulatedClock(process),
            random=random,
            open_client=lambda: SimulatedClient(
                process,
                self.api,
                timeout_s=settings.request_timeout_s,
                random=self._random,
                on_sent=self.watcher.sent,
                on_ended=self.watcher.ended,
            ),
            ask_prices=lambda _: self.api.tell_prices(),
            ask_account=self.api.tell_account,
            open_store=lambda location: self._store_at(location, process, store),
            stop=process.stop,
            open_sink=lambda *_: SimulatedSink(process, self.scenario.sink),
        )
        return run(self._job(), settings, world, self._share_of(process))

    def _store_at(
        self, location: OpenLocation, process: Process, own: SimulatedStore
    ) -> SimulatedStore:
        """Return the store of a location: the run's own output; see reuse.py."""
        del location, process
        return own

    def _share_of(self, process: Process) -> int | None:  # noqa: ARG002  # see shares.py
        """Return what a process runs: the whole run."""
        return None

    def _job(self) -> Job:
        return Job(
            completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218", max_tokens=64),
            prompt=PROMPT,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url="https://api.example", key="simulated-key"),
            input=OpenLocation(fs=FILES, path=self._data.path),
            output=OpenLocation(fs=FILES, path="/output"),
        )

    # Troubles.

    def _arrange(self, process: Process, trouble: Trouble) -> None:
        if trouble.after_s is not None:
            self.scheduler.after(trouble.after_s, lambda: self._befall(process, trouble))
            return

        seen = 0
        others = process.on_operation

        def count(counted: Process, name: str) -> None:
            nonlocal seen
            others(counted, name)
            seen += trouble.named in name
            if seen == trouble.at_operation and trouble.named in name:
                self.scheduler.after(0.0, lambda: self._befall(counted, trouble))

        process.on_operation = count

    def _befall(self, process: Process, trouble: Trouble) -> None:
        if not process.is_alive:
            return
        match trouble.kind:
            case "kill":
                self.watcher.befalls(process, "killed")
                process.is_landing = trouble.is_landing
                process.kill()
            case "freeze":
                self.watcher.befalls(process, "frozen")
                process.is_landing = trouble.is_landing
                process.freeze(trouble.duration_s)
            case "suspend":
                self.watcher.befalls(process, "suspended")
                process.suspend(trouble.duration_s)
            case "cut off":
                process.tell(f"is cut off from the store for {trouble.duration_s:.1f} s")
                process.cut_off_until_s = self.scheduler.now_s + trouble.duration_s
                self.watcher.is_cut_off(process)
                self.scheduler.after(trouble.duration_s, lambda: self.watcher.is_connected(process))
            case "stop":
                process.terminate()
            case "bug":
                process.begin_bug(trouble.met_by)

    # Judgement.

    def _judge(self) -> None:
        watcher = self.watcher
        for process in self.processes:
            if process.is_alive:
                watcher.blame(f"{process.name} waits for ever")
            for mishap in process.loop.mishaps:
                watcher.blame(f"{process.name}: {mishap}")
        last = self.processes[-1]
        if last.report is None:
            watcher.blame(f"the last attempt did not publish: {last.error!r}")
        watcher.check_ledger(self.api.ledger)
        self._check_pages()
        self._check_budget()
        rows = check_published(watcher, self._data, self.objects)
        check_rows(watcher, self._data, rows, self._exhausted(), self)
        if not watcher.misfortunes:
            check_tidy(watcher, self.objects)
        self._rerun()
        check_tidy(watcher, self.objects)

    def expected(self, prompt: str) -> list[tuple[object, str]]:
        """Return the answers and statuses that a row may have."""
        return [(answer_to(prompt), "ok")]

    def check_row(self, row: dict[str, Any], prompt: str) -> None:
        """Check the rest of an answered row."""

    def _check_pages(self) -> None:
        """Check that an unreadable answer is bought at most three times, plus what a misfortune lost."""
        most = WIRE_VIOLATIONS_MAX * (1 + len(self.watcher.misfortunes))
        for prompt, bought in self.api.pages.items():
            if bought > most:
                self.watcher.blame(f"{prompt!r} was bought {bought} times")

    def _exhausted(self) -> frozenset[str]:
        failures = Counter(call.prompt for call in self.api.ledger.calls if call.end == "failed")
        most = self.scenario.settings.max_attempts
        return frozenset(prompt for prompt, count in failures.items() if count >= most)

    def _check_budget(self) -> None:
        """Check the budget of the attempts that had one."""
        attempts = len(self.scenario.attempts)
        budget = self.scenario.settings.budget_nano_usd
        if budget is None:
            return
        calls = [call for call in self.api.ledger.billed() if call.process.number <= attempts]
        spent = sum(cost_nano_usd(call.prompt) for call in calls)
        unseen = sum(cost_nano_usd(call.prompt) for call in calls if call.end != "answered")
        for misfortune in self.watcher.misfortunes:
            unseen += sum(cost_nano_usd(prompt) for prompt in misfortune.at_risk)
        in_flight = self.scenario.settings.max_concurrency * 4 * NANO_USD
        if spent > budget + unseen + in_flight:
            self.watcher.blame(f"{spent} nano-dollars were spent of {budget}")

    def _rerun(self) -> None:
        """Run a published run again. It must pay nothing, and send few requests to the store."""
        calls = len(self.api.ledger.calls)
        left = sum("/journal/" in name for name in self.objects.objects)
        process = self._start(Attempt(), self.scenario.settings)
        self.scheduler.run()
        if process.report is None:
            self.watcher.blame(f"a re-run of the published run failed: {process.error!r}")
        if len(self.api.ledger.calls) != calls:
            self.watcher.blame("a re-run of the published run made calls")
        if process.operations > RERUN_OPERATIONS_MAX + left:
            self.watcher.blame(f"a re-run asked the store {process.operations} times")


def simulate(scenario: Scenario) -> Verdict:
    """Run a scenario and judge it."""
    return Simulation(scenario).run()
