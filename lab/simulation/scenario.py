"""What happens in a seed: the input, the settings, the weather, and what befalls each attempt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from airflow_provider_aimlapi.engine.settings import Settings
from lab.simulation.dataset_shapes import Shape
from lab.simulation.simulated_api import FAILING
from lab.simulation.weather import Span, Weather

SHAPES = (
    Shape(rows=(24,)),
    Shape(rows=(7, 11)),
    Shape(rows=(12, 3, 9), nulls=frozenset({2, 13})),
    Shape(rows=(6, 0, 14), poison=frozenset({4, 15})),
    Shape(rows=(30, 1)),
    Shape(rows=(40,), nulls=frozenset({0, 39}), poison=frozenset({17})),
)
FORBIDDEN_SHARE = 0.3
DESCRIPTORS_SHARE = 0.25
DESCRIPTORS = (8, 12)
BUGS_SHARE = 0.3
MEETINGS = (
    *("a thread", "the clock", "ProgressLog.write_every", "LiveCalls._watch_stop", "Lease.keep"),
    *("Reader.feed_rows", "Collector._flush_always", "Collector._stage_always"),
)
"""Where a bug occurs: in the next blocking work, the next read of the clock, or a task beside the calls."""
SLOW_STORE_SHARE = 0.15
PAGES_SHARE = 0.3
SinkHabit = Literal["works", "fails", "blocks"]
FAILING_SHARE = 0.25
ATTEMPTS_MAX = 5
CALM = Weather()
MOMENTS = (
    ("call", 40),
    ("/journal/", 20),
    ("/parts/", 6),
    ("/lease/", 10),
    ("/heartbeat/", 8),
    ("manifest", 4),
    ("_SUCCESS", 4),
)
"""Parts of operations' names, and the most often that a run usually has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that befalls an attempt.

    Attributes:
        after_s: since its start; None when an operation is the moment instead.
        at_operation: when the process sends its n-th operation to the store or the API.
        named: only operations whose names hold this are counted: "call", "create ", "/journal/".
        duration_s: of a freeze, of the machine's being suspended, or of being cut off from the store.
        is_landing: of what is on its way at a kill or freeze; see `process.Process`.
        met_by: of a bug: one of MEETINGS.
    """

    kind: Literal["kill", "freeze", "suspend", "stop", "cut off", "bug"]
    after_s: float | None = None
    at_operation: int | None = None
    named: str = ""
    duration_s: float = 0.0
    is_landing: bool | None = None
    met_by: str = "a thread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt's fortunes.

    Attributes:
        twin_after_s: the next attempt starts then although this one lives; None for never.
        retry_after_s: from this one's end to the next one's start.
    """

    troubles: tuple[Trouble, ...] = ()
    twin_after_s: float | None = None
    retry_after_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A seed, written out.

    Attributes:
        descriptors: how many sockets a process may have open; None for no limit.
        sink: how the place behaves that shows progress.
        attempts: those in bad weather. One more follows in good weather, without trouble and
            without a budget, and must publish.
    """

    seed: int
    shape: Shape
    settings: Settings
    weather: Weather = CALM
    descriptors: int | None = None
    sink: SinkHabit = "works"
    attempts: tuple[Attempt, ...] = field(default=())


def scenario_of(seed: int) -> Scenario:
    """Throw the dice for everything that a seed decides before it begins."""
    random = Random(seed)
    shape = with_failing_rows(with_forbidden_rows(random.choice(SHAPES), seed), seed)
    settings = _settings(random, shape)
    return Scenario(
        seed=seed,
        shape=shape,
        settings=settings,
        weather=with_pages(with_slow_store(weather_of(random, settings), seed), seed),
        descriptors=descriptors_of(seed),
        sink=Random(f"{seed} sink").choice(("works", "works", "fails", "blocks")),
        attempts=with_bugs(
            tuple(attempt_of(random) for _ in range(random.randint(1, ATTEMPTS_MAX))), seed
        ),
    )


def descriptors_of(seed: int) -> int | None:
    """Allow few sockets in some seeds. Its own random numbers leave the other seeds as they are."""
    random = Random(f"{seed} descriptors")
    return random.randint(*DESCRIPTORS) if random.random() < DESCRIPTORS_SHARE else None


def with_bugs(attempts: tuple[Attempt, ...], seed: int) -> tuple[Attempt, ...]:
    """Let a library fail once beside the calls in some seeds, by random numbers of its own."""
    random = Random(f"{seed} bugs")
    if random.random() >= BUGS_SHARE:
        return attempts
    number = random.randrange(len(attempts))
    bug = Trouble(
        kind="bug",
        at_operation=random.randint(1, 30),
        named=random.choice(("call", "call", "/journal/", "/heartbeat/", "/parts/")),
        met_by=random.choice(MEETINGS),
    )
    hit = replace(attempts[number], troubles=(*attempts[number].troubles, bug))
    return (*attempts[:number], hit, *attempts[number + 1 :])


def with_forbidden_rows(shape: Shape, seed: int) -> Shape:
    """Let a firewall refuse rows in some seeds, by random numbers of its own."""
    random = Random(f"{seed} forbidden")
    if random.random() >= FORBIDDEN_SHARE:
        return shape
    rows = [row for row in range(sum(shape.rows)) if row not in shape.nulls | shape.poison]
    return replace(shape, forbidden=frozenset(random.sample(rows, random.choice((1, 1, 2, 3)))))


def with_slow_store(weather: Weather, seed: int) -> Weather:
    """Make each request to the store slow in some seeds, by random numbers of its own."""
    random = Random(f"{seed} slow store")
    if random.random() >= SLOW_STORE_SHARE:
        return weather
    return replace(weather, store_latency_s=random.choice((0.1, 0.4, 1.3)))


def with_pages(weather: Weather, seed: int) -> Weather:
    """Split listings into several requests in some seeds, by random numbers of its own."""
    random = Random(f"{seed} pages")
    if random.random() >= PAGES_SHARE:
        return weather
    return replace(weather, names_a_page=random.choice((1, 2, 5)))


def with_failing_rows(shape: Shape, seed: int) -> Shape:
    """Let calls of one or two rows always fail in some seeds, by random numbers of its own."""
    random = Random(f"{seed} failing")
    if random.random() >= FAILING_SHARE or shape.forbidden:
        return shape
    rows = [row for row in range(sum(shape.rows)) if row not in shape.nulls | shape.poison]
    chosen = random.sample(rows, random.choice((1, 1, 2)))
    failing = tuple((row, random.choice(list(FAILING))) for row in sorted(chosen))
    return replace(shape, failing=failing)


def settings_for(shape: Shape, **changes: object) -> Settings:
    """Return the usual settings of a simulated run."""
    usual: dict[str, object] = {
        "max_concurrency": 6,
        "unflushed_rows_max": 8,
        "request_timeout_s": 30.0,
        "lease_ttl_s": 12.0,
        "max_rejected_rows": len(shape.rejected),
        "progress_interval_s": 600.0,
    }
    return Settings(**(usual | changes))  # type: ignore[arg-type]


def _settings(random: Random, shape: Shape) -> Settings:
    budget = random.uniform(0.005, 0.08) if random.random() < 0.2 else None
    return settings_for(
        shape,
        max_concurrency=random.randint(4, 8),
        unflushed_rows_max=random.randint(4, 12),
        request_timeout_s=random.choice((10.0, 30.0, 60.0)),
        lease_ttl_s=random.choice((6.0, 12.0, 30.0)),
        max_cost_usd=budget,
    )


def weather_of(random: Random, settings: Settings) -> Weather:
    """Weather as bad as the promises allow.

    A store that leaves a heartbeat without an answer for as long as a silence lasts makes its
    sender look dead, and stops its journal too: that is a freeze, which is a trouble of its own.
    """
    silence_s = settings.lease_times.silence_s
    kind = random.choice(("calm", "calm", "store", "api", "both", "storm"))
    store = {"calm": 0.0, "api": 0.0, "storm": 0.15}.get(kind, 0.04)
    api = {"calm": 0.0, "store": 0.0, "storm": 0.15}.get(kind, 0.05)
    has_outage = kind in ("store", "both", "storm") and random.random() < 0.6
    has_refusal = kind in ("api", "both", "storm") and random.random() < 0.2
    return Weather(
        store_refused=store,
        store_unclear=store / 2,
        store_slow=random.choice((0.0, store)),
        store_timeout_s=random.choice((2.0, silence_s / 10, silence_s / 4)),
        outages=_spans(random, 90.0) if has_outage else (),
        api_throttled=api,
        api_failed=api,
        api_lost=api / 2,
        api_slow=api / 2,
        api_latency_s=random.choice((0.5, 3.0, 8.0, 0.8 * settings.request_timeout_s)),
        refusals=_spans(random, 20.0) if has_refusal else (),
    )


def _spans(random: Random, longest_s: float) -> tuple[Span, ...]:
    spans = []
    for _ in range(random.randint(1, 2)):
        start_s = _soon(random)
        spans.append((start_s, start_s + random.uniform(1.0, longest_s)))
    return tuple(spans)


def _soon(random: Random) -> float:
    """Draw an instant. Most runs take seconds, but some wait for other runs for minutes."""
    return random.expovariate(1 / random.choice((4.0, 4.0, 40.0)))


def attempt_of(random: Random) -> Attempt:
    """Draw the troubles of one attempt."""
    kind = random.choice(("kill", "kill", "freeze", "freeze", "cut off", "stop", "none"))
    has_twin = random.random() < (0.5 if kind in ("freeze", "cut off", "none") else 0.15)
    return Attempt(
        troubles=() if kind == "none" else (_trouble(random, kind),),
        twin_after_s=_soon(random) if has_twin else None,
        retry_after_s=random.uniform(0.0, 60.0),
    )


def _trouble(random: Random, kind: str) -> Trouble:
    named, most = random.choice(MOMENTS) if random.random() < 0.5 else ("", 90)
    at_operation = random.randint(1, most) if random.random() < 0.6 else None
    return Trouble(
        kind=kind,  # type: ignore[arg-type]  # one of its words
        after_s=_soon(random) if at_operation is None else None,
        at_operation=at_operation,
        named=named,
        duration_s=random.choice((random.uniform(3, 20), random.uniform(20, 400))),
    )
