"""The sink of a run's progress, in the simulated world. It may fail, or never answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.simulation.process import Process
    from lab.simulation.scenario import SinkHabit


class SimulatedSink:
    """A ProgressSink in one process."""

    interval_s = 2.0
    is_shared = False

    def __init__(self, process: Process, habit: SinkHabit) -> None:
        self._process = process
        self._habit = habit

    def recall(self) -> bytes | None:
        self._act()
        return None

    def publish(self, data: bytes) -> None:  # noqa: ARG002
        self._act()

    def _act(self) -> None:
        if self._habit == "fails":
            raise OSError("no place for progress")
        if self._habit == "blocks":
            self._process.wait_in_thread(lambda _: None)
