"""Seeded bugs of what runs beside the calls, and of how many calls there may be."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.engine.calls import live
from airflow_provider_aimlapi.engine.calls.judge import Judge
from airflow_provider_aimlapi.engine.durable import collector, lease
from airflow_provider_aimlapi.engine.durable.collector import Collector
from airflow_provider_aimlapi.engine.reporting import reporter
from airflow_provider_aimlapi.engine.runtime import companions
from lab.simulation import simulation
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import MEETINGS, Attempt, Scenario, Trouble, settings_for
from lab.simulation.swapping import swapped
from lab.simulation.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager

SHAPE = Shape(rows=(12, 12))
SEEDS_MAX = 16


async def _unguarded(work: Awaitable[object], *_: Any) -> None:
    await work


@contextmanager
def _unguarded_everywhere() -> Iterator[None]:
    with ExitStack() as stack:
        for module in (collector, companions, lease, live, reporter):
            stack.enter_context(swapped(module, "run_beside", _unguarded))
        yield


async def _flush_no_rest(self: Collector) -> None:
    """Write nothing, as if the journal keeper always lived until the end."""


def _drop_unread(self: Judge, *_: Any) -> None:
    """Forget an answer that was not judged."""


COMPANION_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "a bug beside the calls cancels them": _unguarded_everywhere,
    "the last segments are the journal keeper's alone": lambda: swapped(
        Collector, "flush_rest", _flush_no_rest
    ),
    "an answer that was not judged is forgotten": lambda: swapped(
        Judge, "keep_unread", _drop_unread
    ),
    "calls take every descriptor": lambda: swapped(
        simulation, "calls_within", lambda limit, **_: limit
    ),
}


def with_a_bug(seed: int) -> Scenario:
    """Let a library fail once while calls are in flight."""
    bug = Trouble(
        kind="bug", at_operation=8 + seed, named="call", met_by=MEETINGS[seed % len(MEETINGS)]
    )
    return Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(api_latency_s=3.0),
        attempts=(Attempt(troubles=(bug,)),),
    )


def with_few_descriptors(seed: int) -> Scenario:
    """Allow only as many sockets as calls in flight."""
    settings = settings_for(SHAPE, max_concurrency=8)
    return replace(with_a_bug(seed), settings=settings, descriptors=8, attempts=())


DIRECTED_COMPANIONS: dict[str, Callable[[int], Scenario]] = {
    "a bug beside the calls cancels them": with_a_bug,
    "the last segments are the journal keeper's alone": with_a_bug,
    "an answer that was not judged is forgotten": with_a_bug,
    "calls take every descriptor": with_few_descriptors,
}


def caught_beside_calls(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    with COMPANION_BUGS[name]():
        for seed in range(SEEDS_MAX):
            violations = simulation.simulate(DIRECTED_COMPANIONS[name](seed)).violations
            if violations:
                return f"directed, seed {seed}: {violations[0]}"
    return None
