"""What a seed means: the data, the times, the weather and the misfortunes of one round.

Values only: nothing is started here, and nothing but the seed decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from aimlapi_simulator import Account, Fault, Latency, Limits, Script

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "soak-secret-key"
MODEL = "anthropic/claude-sonnet-4-6-20260218"
PROMPT = "Summarise:\n\n{body}"
MAX_TOKENS = 256
ATTEMPTS_MAX = 5
"""That misfortunes may befall; the last, healthy one comes on top."""

Misfortune = Literal["kill", "term", "pause", "freeze", "twin"]
MISFORTUNES: Mapping[Misfortune, float] = {
    "kill": 4,
    "term": 2,
    "pause": 2,
    "freeze": 3,
    "twin": 3,
}
"""With their weights. A pause ends by itself; a freeze lasts until others have taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The settings of all attempts of a round, as small as honest processes can keep to.

    Attributes:
        unflushed_rows_max: U of the bound. max_concurrency: C of the bound.
    """

    max_concurrency: int = 16
    unflushed_rows_max: int = 32
    flush_interval_s: float = 0.2
    lease_ttl_s: float = 3.0
    request_timeout_s: float = 2.5

    @property
    def at_risk_rows(self) -> int:
        """The most rows that one kill or freeze may cost: U + 2C."""
        return self.unflushed_rows_max + 2 * self.max_concurrency

    @property
    def silence_s(self) -> float:
        """The approximate time for which a newer attempt waits for a silent one."""
        return self.lease_ttl_s * 7 / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something happens to an attempt.

    Attributes:
        share: of the rows; it happens once so many calls were billed.
        hold_s: how long a pause lasts.
        thaw_after: how many steps later a frozen attempt wakes; beyond the last one, it wakes
            when the others have ended.
        is_awaited: whether a stopped attempt ends before the next step.
    """

    kind: Misfortune
    share: float
    hold_s: float = 0.0
    thaw_after: int = 1
    is_awaited: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round.

    Attributes:
        file_rows: rows of each input file. row_group_rows: of each row group.
    """

    seed: int
    file_rows: tuple[int, ...]
    row_group_rows: int
    times: Times
    script: Script
    steps: tuple[Step, ...]

    @property
    def rows(self) -> int:
        """The number of rows of all files."""
        return sum(self.file_rows)


def round_of(seed: int) -> Round:
    """Return the round of a seed."""
    random = Random(f"soak {seed}")  # noqa: S311  # chance, not secrecy
    times = _times(random)
    return Round(
        seed=seed,
        file_rows=_file_rows(random),
        row_group_rows=random.choice((20, 50, 120)),
        times=times,
        script=_script(random, seed, times.max_concurrency),
        steps=_steps(random, times),
    )


def script(seed: int, latency_s: float, **changes: Any) -> Script:
    """Return a script for an API that knows the key and answers after about this time."""
    latency = Latency(median_s=latency_s, sigma=0.3)
    return Script(seed=seed, account=Account(key=KEY), latency=latency, **changes)


def _times(random: Random) -> Times:
    return Times(
        max_concurrency=random.choice((8, 12, 16, 24, 32)),
        unflushed_rows_max=random.choice((16, 32, 64)),
        flush_interval_s=random.choice((0.1, 0.25)),
        lease_ttl_s=random.choice((2.5, 3.5, 5.0)),
        request_timeout_s=random.choice((2.0, 3.0)),
    )


def _file_rows(random: Random) -> tuple[int, ...]:
    wanted = random.randint(200, 800)
    files = random.randint(1, 5)
    cuts = sorted(random.sample(range(1, wanted), files - 1))
    sizes = [end - start for start, end in zip([0, *cuts], [*cuts, wanted], strict=True)]
    return (*sizes, 0) if random.random() < 0.15 else tuple(sizes)


def _script(random: Random, seed: int, concurrency: int) -> Script:
    faults = []
    if random.random() < 0.4:
        faults.append(Fault(kind="500", share=random.uniform(0.01, 0.05)))
    if random.random() < 0.3:
        faults.append(Fault(kind="429", share=random.uniform(0.01, 0.05)))
    if random.random() < 0.4:
        kind = random.choice(("disconnect-billed", "disconnect-mid-body"))
        faults.append(Fault(kind=kind, share=random.uniform(0.005, 0.02)))
    cap = random.randint(max(4, concurrency // 2), concurrency) if random.random() < 0.4 else None
    limits = Limits(max_concurrent=cap)
    return script(seed, random.uniform(0.04, 0.12), limits=limits, faults=tuple(faults))


def _steps(random: Random, times: Times) -> tuple[Step, ...]:
    count = 0 if random.random() < 0.1 else random.randint(2, 6)
    shares = sorted(random.uniform(0.02, 1.0) for _ in range(count))
    steps: list[Step] = []
    for share in shares:
        again = bool(steps) and random.random() < 0.2  # at once: before the attempt could pay
        steps.append(_step(random, steps[-1].share if again else share, times))
    return tuple(steps)


def _step(random: Random, share: float, times: Times) -> Step:
    kinds = list(MISFORTUNES)
    is_short = random.random() < 0.5
    least, most = (
        (0.1, times.lease_ttl_s / 2) if is_short else (times.lease_ttl_s, 1.5 * times.silence_s)
    )
    return Step(
        kind=random.choices(kinds, weights=[MISFORTUNES[kind] for kind in kinds])[0],
        share=share,
        hold_s=random.uniform(least, most),
        thaw_after=random.randint(1, 4),
        is_awaited=random.random() < 0.6,
    )
