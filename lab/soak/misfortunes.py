"""Carries out a round's steps on real processes, and counts what it did. Judges nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.soak.attempts import wait_until
from lab.soak.round_plan import ATTEMPTS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.soak.attempts import Attempt
    from lab.soak.round_plan import Round, Step

SPARES = 2
"""Processes that are ready to begin: a twin that starts late meets nobody."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What happened to live processes.

    Attributes:
        freezes: that lasted until others had taken over. pauses: that ended by themselves.
    """

    attempts: int = 0
    kills: int = 0
    freezes: int = 0
    pauses: int = 0
    twins: int = 0
    terms: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Return the sum of both."""
        names = self.__slots__
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def at_risk_events(self) -> int:
        """The number of events after which a row may be paid twice."""
        return self.kills + self.freezes + self.pauses


class Misfortunes:
    """A round's course.

    Args:
        spawn: makes the process of the attempt of this number, which does not begin yet.
        billed_calls: asks the API's books.
    """

    def __init__(
        self, plan: Round, *, spawn: Callable[[int], Attempt], billed_calls: Callable[[], int]
    ) -> None:
        self.counts = Counts()
        self.attempts: list[Attempt] = []
        self._plan = plan
        self._spawn = spawn
        self._spares = [spawn(number + 1) for number in range(SPARES)]
        self._billed_calls = billed_calls
        self._thaw_at: dict[int, Attempt] = {}

    def run(self) -> None:
        """Take all steps, then a healthy attempt, then end the attempts that are still frozen or alive."""
        for spare in self._spares:
            spare.await_ready()
        for index, step in enumerate(self._plan.steps):
            if not self._moving():
                if self.counts.attempts == ATTEMPTS_MAX:
                    break
                self._start()
            self._wait_for(step)
            self._thaw(index)
            self._befall(index, step)
        self._finish()

    def violations(self) -> list[str]:
        """Return the violations in how attempts ended. The last one must have published."""
        last = self.attempts[-1]
        return [
            violation
            for attempt in self.attempts
            for violation in attempt.violations(must_publish=attempt is last)
        ]

    def _finish(self) -> None:
        """Let a healthy attempt publish, then wake the frozen ones and wait for all."""
        for attempt in self._moving():
            if attempt.was_asked_to_stop:  # else it may take the newest lease, and publish nothing
                attempt.wait()
        self._start().wait()
        for index in list(self._thaw_at):
            self._thaw(index)
        for attempt in self.attempts:
            attempt.wait()

    def _start(self) -> Attempt:
        """Begin the next attempt at once, and prepare another one meanwhile."""
        self.counts.attempts += 1
        attempt = self._spares.pop(0)
        attempt.begin()
        self.attempts.append(attempt)
        if (number := self.counts.attempts + SPARES) <= ATTEMPTS_MAX + 1:
            self._spares.append(self._spawn(number))
        return attempt

    def _moving(self) -> list[Attempt]:
        """Return the attempts that are alive and not frozen."""
        frozen = self._thaw_at.values()
        return [one for one in self.attempts if one.is_alive and one not in frozen]

    def _wait_for(self, step: Step) -> None:
        calls = int(step.share * self._plan.rows)
        wait_until(
            f"{calls} calls to be billed",
            lambda: self._billed_calls() >= calls or not self._moving(),
        )

    def _thaw(self, index: int) -> None:
        if index in self._thaw_at:
            self._thaw_at.pop(index).thaw()

    def _befall(self, index: int, step: Step) -> None:
        moving = self._moving()
        if not moving:
            return
        oldest, newest = moving[0], moving[-1]
        if step.kind == "kill":
            self.counts.kills += newest.kill()
        elif step.kind == "term":
            self._stop(newest, step)
        elif step.kind == "pause":
            self._pause(newest, step)
        elif step.kind == "freeze":
            self._freeze(oldest, index + step.thaw_after)
        elif self.counts.attempts < ATTEMPTS_MAX:
            self.counts.twins += 1
            self._start()

    def _stop(self, attempt: Attempt, step: Step) -> None:
        self.counts.terms += attempt.ask_to_stop()
        if step.is_awaited:
            attempt.wait()

    def _pause(self, attempt: Attempt, step: Step) -> None:
        self.counts.pauses += attempt.freeze()
        threading.Event().wait(step.hold_s)
        attempt.thaw()

    def _freeze(self, attempt: Attempt, until: int) -> None:
        self.counts.freezes += attempt.freeze()
        while until in self._thaw_at:  # one at a time wakes
            until += 1
        self._thaw_at[until] = attempt
