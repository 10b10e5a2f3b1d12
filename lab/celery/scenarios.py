"""The scenarios as values: workers, limits of the API, and misfortunes."""

from __future__ import annotations

from dataclasses import dataclass

from aimlapi_simulator import Latency, Limits, Script
from lab.soak.round_plan import Round, Times

LATENCY_S = 1.0
REQUEST_TIMEOUT_S = 30.0
"""The task after a killed one waits for this time for the calls that may be in flight."""
FILES = 18
FREE = Limits()
CAP = Limits(max_concurrent=48)
RATE = Limits(rps=40.0)
SLOTS = 4
"""Of the pool, as docker-compose.yml makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A job by one worker or more.

    Attributes:
        workers: Celery workers, and shares of the job.
        max_concurrency: calls in flight of each share.
        limits: the API's, over all.
        slots: of the pool that the tasks share.
        is_killed: whether a worker is killed when half of the rows were paid for.
    """

    name: str
    workers: int
    rows: int = 2400
    max_concurrency: int = 32
    limits: Limits = FREE
    slots: int = SLOTS
    is_killed: bool = False

    @property
    def script(self) -> Script:
        """The script of the API."""
        return Script(latency=Latency(median_s=LATENCY_S), limits=self.limits)

    @property
    def data(self) -> Round:
        """The input: files of about 200 rows, each of another size, and each one part of the output."""
        least = self.rows // FILES - (FILES - 1)
        sizes = [least + 2 * number for number in range(FILES - 1)]
        return Round(
            seed=1,
            file_rows=(*sizes, self.rows - sum(sizes)),
            row_group_rows=100,
            times=Times(max_concurrency=self.max_concurrency, unflushed_rows_max=64),
            script=self.script,
            steps=(),
        )

    @property
    def at_once_max(self) -> int:
        """The number of shares that may be in work at the same time."""
        return min(self.workers, self.slots)


SCENARIOS = (
    *(Scenario(name=f"below-{workers}", workers=workers) for workers in (1, 2, 4)),
    *(
        Scenario(name=f"cap-{workers}", workers=workers, max_concurrency=96, limits=CAP)
        for workers in (1, 2, 4)
    ),
    *(
        Scenario(name=f"rate-{workers}", workers=workers, max_concurrency=96, limits=RATE)
        for workers in (1, 4)
    ),
    Scenario(name="pool-2-of-4", workers=4, slots=2),
    Scenario(name="kill-1-of-2", workers=2, is_killed=True),
)
