"""The page shows the latest end of a wait for other attempts, and the wait ends by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress, decode_progress
from lab.simulation.dataset_shapes import Shape
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulated_sink import SimulatedSink
from lab.simulation.simulation import Simulation
from lab.simulation.weather import Weather
from tests.fakes.virtual_loop import WALL_START_US

if TYPE_CHECKING:
    from lab.simulation.process import Process

SHAPE = Shape(rows=(24,))


class Page(SimulatedSink):
    """Keeps what it is shown."""

    def __init__(self, process: Process, shown: list[RunProgress]) -> None:
        super().__init__(process, "works")
        self._shown = shown

    def publish(self, data: bytes) -> None:
        progress = decode_progress(data)
        assert progress is not None
        self._shown.append(progress)


@pytest.mark.parametrize("latency_s", [0.01, 0.4])
def test_page_shows_the_latest_time_of_continuation(
    latency_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[int, list[RunProgress]] = {}

    def sink(process: Process, _habit: str) -> Page:
        return Page(process, shown.setdefault(process.number, []))

    monkeypatch.setattr("lab.simulation.simulation.SimulatedSink", sink)
    killed = Attempt(troubles=(Trouble(kind="kill", at_operation=12, named="call"),))
    scenario = Scenario(
        seed=1,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(store_latency_s=latency_s),
        attempts=(killed, Attempt()),
    )
    simulation = Simulation(scenario)
    assert simulation.run().violations == ()
    second = simulation.processes[1]
    first_call_s = min(
        call.sent_s for call in simulation.api.ledger.calls if call.process is second
    )
    waiting = [one for one in shown[2] if one.waits_until_us is not None]
    assert [one.state for one in waiting] == ["waiting"]
    latest_s = ((waiting[0].waits_until_us or 0) - WALL_START_US) / 1e6
    assert first_call_s < latest_s < first_call_s + 3.0
    assert shown[2][-1].waits_until_us is None
