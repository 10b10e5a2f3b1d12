"""Who runs when: rounds over all scenarios and peers, so that a busy minute hits all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.benchmarks.peers.runs import Measured, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lab.benchmarks.peers.roster import Peer
    from lab.benchmarks.peers.scenarios import Scenario
    from lab.benchmarks.peers.simulated import Api


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        rows_fast, rows_slow: where there is no limit, for peers that are fast and slow.
        rows_limited: where there is one, for all.
        timeout_s: of one run; then it is killed.
        slow_s: a peer that took longer in a scenario is not run there again, to keep all in time.
        minutes: when they are over, no further round is begun for a peer that has had one.
    """

    rounds: int
    rows_fast: int
    rows_slow: int
    rows_limited: int
    timeout_s: float
    slow_s: float
    minutes: float

    @property
    def sizes(self) -> set[int]:
        """The sizes of all data sets, in rows."""
        return {self.rows_fast, self.rows_slow, self.rows_limited}

    def rows(self, peer: Peer, scenario: Scenario) -> int:
        """Return the number of rows of one run."""
        if scenario.is_limited:
            return self.rows_limited
        return self.rows_slow if peer.is_slow else self.rows_fast


def measure_all(
    plan: Plan,
    pairs: Iterable[tuple[Scenario, Peer]],
    api: Api,
    texts: Path,
    missing: dict[str, str],
) -> Iterator[Measured]:
    """Yield one result after another. A peer that is not installed has a reason instead.

    Args:
        texts: the folder of the data sets.
        missing: why an environment could not be made, by its name.
    """
    ends_s = time.perf_counter() + plan.minutes * 60
    waiting = list(pairs)
    for number in range(plan.rounds):
        again = []
        for scenario, peer in waiting:
            if number and time.perf_counter() > ends_s:
                continue
            rows = plan.rows(peer, scenario)
            if reason := missing.get(peer.environment or peer.name):
                yield Measured(peer=peer.name, scenario=scenario.key, rows=rows, failure=reason)
                continue
            result = run(peer, scenario, api, texts=texts, rows=rows, timeout_s=plan.timeout_s)
            yield result
            is_slow = result.wall_s > plan.slow_s
            if not result.failure and not is_slow:
                again.append((scenario, peer))
        waiting = again
