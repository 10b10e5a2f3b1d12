"""The attempts of a round as processes: started, frozen, thawed, ended. Decides nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from demo.children import child
from lab.soak.child import FAILED, INTERRUPTED, PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

POLL_S = 0.01
PATIENCE_S = 60.0
"""For anything that a round waits for: far more than leases, time-outs and retries add up to."""


class Stuck(Exception):
    """What should have happened long ago has not."""


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Return once the condition holds.

    Raises:
        Stuck: it does not.
    """
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / POLL_S)):
        if condition():
            return
        pause.wait(POLL_S)
    raise Stuck(f"in vain for a minute or more: {what}")


class Attempt:
    """A process that waits for `begin` before it runs the job, because starting one takes a second.

    Attributes:
        was_asked_to_stop: whether SIGTERM reached it alive.
    """

    def __init__(self, number: int, order: dict[str, object], log: Path, owner: ExitStack) -> None:
        self.number = number
        self._log = log
        self._is_ready = False
        self.was_asked_to_stop = False
        self._was_killed = False
        self._process = owner.enter_context(
            child(
                ["lab.soak.child", json.dumps(order)],
                {},
                stdout=subprocess.PIPE,
                stderr=owner.enter_context(log.open("w", encoding="utf-8")),
            )
        )
        assert self._process.stdout is not None
        self._said = self._process.stdout

    def await_ready(self) -> None:
        """Wait until the attempt can begin."""
        if not self._is_ready:
            assert self._said.readline() == "ready\n", self._log.read_text(encoding="utf-8")
        self._is_ready = True

    def begin(self) -> None:
        """Let the attempt run its job."""
        self.await_ready()
        self._hit(signal.SIGUSR1)

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended; a frozen one lives."""
        return self._process.poll() is None

    def kill(self) -> bool:
        """Kill the attempt; return whether it was alive."""
        self._was_killed = self._hit(signal.SIGKILL)
        self._process.wait()
        return self._was_killed

    def freeze(self) -> bool:
        """Freeze the attempt; return whether it was alive."""
        return self._hit(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen attempt continue."""
        self._hit(signal.SIGCONT)

    def ask_to_stop(self) -> bool:
        """End the attempt as Airflow ends a task; return whether it was alive."""
        self.was_asked_to_stop = self._hit(signal.SIGTERM)
        return self.was_asked_to_stop

    def wait(self) -> None:
        """Return once it has ended.

        Raises:
            Stuck: it goes on and on.
        """
        wait_until(f"attempt {self.number} to end", lambda: not self.is_alive)

    def violations(self, *, must_publish: bool) -> list[str]:
        """Return the violations in how it ended. Call it once, after the end."""
        status = self._process.returncode
        if self._was_killed:
            return []
        allowed = {PUBLISHED} if must_publish else {PUBLISHED, INTERRUPTED}
        if status in allowed:
            return []
        names = {FAILED: "failed", INTERRUPTED: "gave up"}
        how = names.get(status, f"ended with status {status}")
        return [f"attempt {self.number} {how}: {self._said.read().strip()}"]

    def _hit(self, number: signal.Signals) -> bool:
        was_alive = self.is_alive
        self._process.send_signal(number)
        return was_alive
