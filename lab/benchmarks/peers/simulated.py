"""The simulated API in a process of its own. Each run sets its limits and reads its counts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.benchmarks.peers.scenarios import LATENCY_S, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
DRAIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the simulator saw of one run.

    Attributes:
        first_call_at_s: Unix time at which the first completion was asked for; None if none was.
    """

    answered: int
    throttled: int
    in_flight_peak: int
    first_call_at_s: float | None


@dataclass(frozen=True, slots=True)
class Api:
    """A running simulator."""

    url: str

    def prepare(self, scenario: Scenario) -> None:
        """Reset the simulator once the last run's calls have ended, and set these limits."""
        deadline_s = time.perf_counter() + DRAIN_S
        while self._ask("GET", "stats")["in_flight"] and time.perf_counter() < deadline_s:
            time.sleep(0.1)
        self._ask("POST", "reset")
        if scenario.is_limited:
            self._ask("POST", "script", {"limits": scenario.limits})

    def seen(self) -> Seen:
        """Return the counts since `prepare`."""
        stats = self._ask("GET", "stats")
        requests = [
            request
            for request in self._ask("GET", "ledger")["requests"]
            if request["path"].endswith("/completions")
        ]
        begun = [request["at_s"] - request["duration_s"] for request in requests]
        statuses = stats["statuses"]
        return Seen(
            answered=statuses.get("200", 0),
            throttled=statuses.get("429", 0),
            in_flight_peak=stats["in_flight_peak"],
            first_call_at_s=min(begun, default=None),
        )

    def _ask(self, method: str, name: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  # our own URL
            f"{self.url}/_simulator/{name}", data=data, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def simulated_api() -> Iterator[Api]:
    """Run a simulator until the block ends."""
    command = [sys.executable, "-m", "aimlapi_simulator", "--port", "0"]
    command += ["--latency", str(LATENCY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield Api(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait()
