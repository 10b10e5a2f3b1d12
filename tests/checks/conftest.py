"""A check against a simulator that listens, in a time that stands still but for its waiting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimlapi_simulator import Script, simulator_thread
from airflow_provider_aimlapi.checks.check import CheckReport, settle_facts
from airflow_provider_aimlapi.checks.purse import LIMIT_NANO_USD
from airflow_provider_aimlapi.checks.quotation import fetch_quotation
from airflow_provider_aimlapi.checks.timer import Timer
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

if TYPE_CHECKING:
    from aimlapi_simulator import Ledger, Simulator

KEY = "sim-key-1234567890"


class SharedTime:
    """Passes in `sleep` alone, here and in the simulator's log."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.passed_s = 0.0

    def now_s(self) -> float:
        return self.passed_s

    def wall_us(self) -> int:
        return int(self._simulator.state.clock.now_s() * 1e6)

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds
        self._simulator.state.clock.move_forward(seconds)

    def timer(self) -> Timer:
        return Timer(now_s=self.now_s, wall_us=self.wall_us, sleep=self.sleep)


@dataclass(frozen=True)
class Checked:
    """The report of a check, and the simulator's record of it."""

    report: CheckReport
    ledger: Ledger
    passed_s: float

    @property
    def answers(self) -> dict[str, str | None]:
        return {fact.name: fact.answer for fact in self.report.facts}


def checked(script: Script, *, limit_nano_usd: int = LIMIT_NANO_USD) -> Checked:
    """Make a check against a simulator with this script."""
    with simulator_thread(script) as simulator:
        endpoint = Endpoint(base_url=simulator.url, key=KEY)
        time = SharedTime(simulator)

        async def work() -> CheckReport:
            quotation = await fetch_quotation(endpoint)
            return await settle_facts(
                endpoint, quotation, timer=time.timer(), limit_nano_usd=limit_nano_usd
            )

        report = asyncio.run(work())
        return Checked(report, simulator.ledger, time.passed_s)
