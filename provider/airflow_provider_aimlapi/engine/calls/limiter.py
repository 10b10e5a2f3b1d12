"""Hand out permits for single calls, by the window's law, the budget and the lease."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.pacing.bound import Bound, BoundTimes, bound_sentence
from airflow_provider_aimlapi.core.pacing.episode import Seen, Sent
from airflow_provider_aimlapi.core.pacing.gate import OPEN
from airflow_provider_aimlapi.core.pacing.law import after_time
from airflow_provider_aimlapi.core.pacing.noise import Noise
from airflow_provider_aimlapi.core.pacing.send_rate import SendRate, Spacing
from airflow_provider_aimlapi.core.pacing.window import Held, open_window
from airflow_provider_aimlapi.engine.calls.allowances import Allowances
from airflow_provider_aimlapi.engine.calls.permit import Permit
from airflow_provider_aimlapi.engine.runtime.companions import bug_in
from airflow_provider_aimlapi.engine.runtime.timer import Timer
from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiUnavailable,
    BudgetExhausted,
    RequestRejected,
    Throttled,
    WireViolation,
)
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.core.pacing.gate import Gate
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.errors import ApiError

log = logger(__name__)

LAPSED_PAUSE_S = 1.0
"""How often a lapsed right to pay is checked. It lapses while the store does not answer."""
TICK_S = 0.01
"""How often the law is applied. Once per row would cost more than the row."""
TRIP_FAILURES = 20
TRIP_IDLE_S = 5.0
"""After this many failures in a row and this long without a completion, one call at a time is sent."""


class AdmissionEnded(Exception):
    """The run is ending, so no more permits are handed out. It never leaves the engine."""


class Limiter:
    """Hands out permits within the window and the budget.

    Args:
        starts_with_probe: whether the first call goes alone, and the others once it is answered.

    Attributes:
        window: the state of the law.
        noise: decides which 429s reach the law.
        in_flight: permits held.
        requests: permits ever handed out.
        throttled: calls answered 429.
        accepted: calls answered with a completion.
        newest_answered: the number of the last sent of these.
        bound_times: how long each cause held calls back.
    """

    def __init__(  # noqa: PLR0913  # everything that may hold a call back is an argument
        self,
        *,
        ceiling: int,
        budget: Budget,
        clock: Clock,
        random: Random,
        may_pay: Callable[[], bool] = lambda: True,
        store_keeps_up: Callable[[int], bool] = lambda _in_flight: True,
        allowances: Allowances | None = None,
        starts_with_probe: bool = False,
    ) -> None:
        now_s = clock.now_s()
        self.window = open_window(ceiling, now_s=now_s)
        self.noise = Noise(ceiling)
        if starts_with_probe:
            gate = self.window.gate.closed_at(now_s, patience_s=0.0, needs_answer=True)
            self.window = replace(self.window, gate=gate)
        self.in_flight = 0
        self.requests = self.throttled = 0
        self.accepted = self.newest_answered = 0
        self.bound_times = BoundTimes()
        self._budget = budget  # reserves money for each call
        self._may_pay = may_pay  # whether the lease allows calls now
        self._store_keeps_up = store_keeps_up  # whether so many calls' answers can be written
        self._allowances = allowances or Allowances()  # the limits that the user has set
        self._clock = clock
        self._random = random  # for the jitter of cuts
        self._waiters = Waiters()  # callers without room, in the order in which they came
        self._timer = Timer(clock, self._wake_on_time)  # for room that time alone makes
        self._is_closed = False  # the run is ending
        self._is_alone = False  # one call at a time, while a refusal is undecided
        self._is_open_to_all = False  # failures no longer close the gate
        self._accepted_at_s = now_s  # when the last completion came
        self._failures = 0  # 5xx and time-outs since the last completion
        # What the window allows, as of the last change: reading it for each call would cost more.
        self._permits = self.window.permitted_calls
        self._spacing = Spacing(now_s)
        # Since the last tick, which applies the law to the time that has passed:
        self._ticked_s = now_s
        self._peak = 0  # the most calls in flight; a level that was not reached is not tested
        self._held: Bound | None = None  # the last cause that held a call back
        self._send_rate = SendRate(now_s)

    def permit(self, body_bytes: int = 0) -> Permit:
        """Return a permit for `async with`, which waits until there is room.

        Args:
            body_bytes: the size of the request, for which the budget reserves money.
        """
        return Permit(self, body_bytes)

    async def wait_for_room(self, body_bytes: int = 0) -> Sent:
        """Wait for room; return what the law needs to know when the call ends.

        Raises:
            BudgetExhausted: no further call can be paid for, and none is in flight.
            AdmissionEnded: the run is ending.
        """
        now_s = self._clock.now_s()
        while self._is_closed or not self._has_room(body_bytes, now_s):
            if self._is_closed:
                raise AdmissionEnded
            # While calls are in flight their reserves may come back, so only an idle run is out of
            # money.
            if self.in_flight == 0 and not self._budget.allows_call(body_bytes):
                raise BudgetExhausted(self._budget.why_exhausted(body_bytes))
            self._set_timer(now_s, body_bytes)
            await self._waiters.wait_for_wake()
            now_s = self._clock.now_s()
        self._budget.reserve_for_call(body_bytes)
        sent = self._count_sent(now_s)
        if self._allowances.is_any:
            self._allowances.count_sent(sent.number, now_s, body_bytes)
            self._waiters.wake_first(1)  # the next caller checks, and sets the timer
        return sent

    def take_back(self, sent: Sent, body_bytes: int = 0) -> None:
        """Take a permit back, whether or not its call was settled."""
        if self._allowances.is_any:
            self._allowances.end_call(sent.number, self._clock.now_s())
        self._budget.release_reservation(body_bytes)
        self.in_flight -= 1
        if self._waiters:
            self.wake_waiters()

    def end_admission(self) -> None:
        """Hand out no more permits. Those held stay valid."""
        self._is_closed = True
        self._waiters.wake_all()
        self._timer.cancel_timer()

    def go_alone(self, *, is_alone: bool) -> None:
        """Admit one call at a time, the first when none is in flight; or return to the law."""
        if is_alone != self._is_alone:
            self._is_alone = is_alone
            self.wake_waiters()

    def settle(self, sent: Sent, result: Completion | ApiError) -> None:
        """Apply the result of a call to the law, the gate and the limits that the user has set.

        A rejected row shows that the API works, so it opens a closed gate as a completion does. An
        answer that cannot be parsed does not.
        """
        if isinstance(result, Completion):
            self._settle_accepted(sent, result)
        elif isinstance(result, Throttled):
            self._settle_throttled(sent)
        elif isinstance(result, ApiUnavailable):
            self._settle_failed(sent)
        elif isinstance(result, RequestRejected | AccessRefused):
            self._open_gate(sent)
        elif isinstance(result, WireViolation):
            self._keep_gate_closed(sent)

    def _settle_accepted(self, sent: Sent, completion: Completion) -> None:
        self.accepted += 1
        self.newest_answered = max(self.newest_answered, sent.number)
        self._failures = 0
        self._accepted_at_s = self._clock.now_s()
        self._open_gate(sent)
        if self._allowances.is_any:
            self._allowances.settle_call(sent.number, self._accepted_at_s, completion)

    def _settle_throttled(self, sent: Sent) -> None:
        """Apply the law. A refused call has used no tokens."""
        self.throttled += 1
        now_s = self._clock.now_s()
        self._apply_passed_time(now_s)
        seen = Seen(
            now_s=now_s,
            in_flight=self.in_flight,
            admitted=self.requests,
            throttled=self.throttled,
            sent_per_s=self._send_rate.per_s(now_s, self.requests),
        )
        self.window = self.noise.after_throttled(
            self.window, sent, seen, jitter=self._random.random()
        )
        level, pace = self.window.level.height, self.window.pace
        log.debug("429, %s: level %.0f, pace %s", self.window.decision, level, pace and pace.height)
        self._follow_window()
        if self._allowances.is_any:
            self._allowances.end_call(sent.number, now_s, is_free=True)

    def _settle_failed(self, sent: Sent) -> None:
        """Count a failure for which the row is not the cause: a 5xx, a time-out."""
        self._failures += 1
        if not self.window.gate.is_open:
            self._keep_gate_closed(sent)
        elif self._failures >= TRIP_FAILURES and self.idle_s() >= TRIP_IDLE_S:
            self.probe_until_answered(unless_open_to_all=True)

    def _open_gate(self, sent: Sent) -> None:
        if not self.window.gate.is_open:
            self._set_gate(self.window.gate.after_answer(sent.at_s))

    def _keep_gate_closed(self, sent: Sent) -> None:
        if not self.window.gate.is_open:
            self._set_gate(self.window.gate.after_refusal(sent.at_s, now_s=self._clock.now_s()))

    def probe_until_answered(self, *, unless_open_to_all: bool = False) -> None:
        """Admit one call at a time until one is answered."""
        self._is_open_to_all &= unless_open_to_all
        if self.window.gate.is_open and not self._is_open_to_all:
            now_s = self._clock.now_s()
            self._set_gate(self.window.gate.closed_at(now_s, patience_s=0.0, needs_answer=True))

    def admit_all(self) -> None:
        """Admit calls whether or not one is answered."""
        self._is_open_to_all = True
        self._set_gate(OPEN)

    def idle_s(self) -> float:
        """Return the seconds since the last completion, or since the start."""
        return self._clock.now_s() - self._accepted_at_s

    @property
    def bound_by(self) -> str:
        """Return what held calls back for most of the time; empty before the first call."""
        bound = self.bound_times.longest_bound() if self.requests else None
        return bound.value if bound is not None else ""

    def bound_sentence(self) -> str:
        """Return a sentence: what bound the run, and what to change."""
        window = self.window
        return bound_sentence(
            self.bound_times.longest_bound() if self.requests else None,
            ceiling=self.noise.ceiling,
            level=window.level.height,
            per_s=window.pace.height if window.pace else 0.0,
            throttled=self.throttled,
            refused_share=self.noise.share,
        )

    def wake_waiters(self) -> None:
        """Wake as many waiters as there may be room for, and at least one if no call is in flight."""
        if not self._waiters:
            return
        room = self._permits - self.in_flight if self.window.gate.is_open else 1
        if room > 1 and self._spacing.interval_s:
            room = min(room, self._spacing.calls_due(self._clock.now_s()))
        if self._is_alone:
            room = 1 - self.in_flight
        self._waiters.wake_first(max(room, int(self.in_flight == 0)))

    def _count_sent(self, now_s: float) -> Sent:
        """Count a call that is sent now."""
        self.in_flight += 1
        self.requests += 1
        self._peak = max(self._peak, self.in_flight)
        if self._spacing.interval_s:
            self._spacing.note_sent(now_s)
            if self._waiters:
                self._timer.set_in(self._spacing.next_s - now_s)
        if not self.window.gate.is_open:
            self._set_gate(self.window.gate.after_probe(now_s))
        return Sent(
            number=self.requests,
            at_s=now_s,
            level=self.in_flight,
            is_full=self.in_flight >= self._permits,
            is_beyond=self.in_flight > self.window.level.height,
        )

    def _has_room(self, body_bytes: int, now_s: float) -> bool:
        """Return whether a call may go. If not, remember what holds it back."""
        if now_s >= self._ticked_s + TICK_S:
            self._apply_passed_time(now_s)
        held = self._held_by(body_bytes, now_s)
        if held is None:
            return True
        self._held = held
        return False

    def _held_by(self, body_bytes: int, now_s: float) -> Bound | None:
        if self.in_flight >= self._permits:
            return self._level_bound()
        if self._spacing.is_early(now_s):
            return Bound.RATE
        if self._is_turn_awaited() or not self.window.gate.admits_call(now_s):
            return Bound.GATE
        if self._allowances.is_any and self._allowances.wait_s(now_s, body_bytes) > 0:
            return Bound.ALLOWANCE
        return self._held_by_others(body_bytes)

    def _held_by_others(self, body_bytes: int) -> Bound | None:
        """Return what holds calls back besides the law: lease, store or budget."""
        if not self._may_pay():
            return Bound.LEASE
        if not self._store_keeps_up(self.in_flight):
            return Bound.STORE
        return None if self._budget.allows_call(body_bytes) else Bound.BUDGET

    def _is_turn_awaited(self) -> bool:
        return self._is_alone and self.in_flight > 0

    def _level_bound(self) -> Bound:
        return Bound.CEILING if self._permits >= self.window.ceiling else Bound.LEVEL

    def _apply_passed_time(self, now_s: float) -> None:
        """Apply the law to the time that has passed, and count it."""
        elapsed_s, self._ticked_s = now_s - self._ticked_s, now_s
        if self._peak >= self._permits and self._held in (None, Bound.LEVEL, Bound.CEILING):
            is_waited_for = self._held is not None or len(self._waiters) > 0
            bound, held = self._level_bound(), Held.LEVEL if is_waited_for else Held.NOTHING
        else:
            bound = self._held or Bound.SOURCE
            held = {Bound.RATE: Held.PACE, Bound.LEVEL: Held.LEVEL}.get(bound, Held.NOTHING)
        # As long as nothing was refused, a level below the ceiling is our own doing.
        is_start = bound is Bound.LEVEL and not self.throttled
        bound = self.noise.bound_with_noise(Bound.CEILING if is_start else bound)
        self.bound_times.add_time(bound, elapsed_s)
        self._held, self._peak = None, self.in_flight
        window = after_time(self.window, elapsed_s=elapsed_s, held=held)
        window = self.noise.after_time(window, admitted=self.requests, in_flight=self.in_flight)
        if not window.gate.is_open:
            self.window = window
            self._set_gate(window.gate.at_time(now_s))
        elif window is not self.window:
            self.window = window
            self._follow_window()
        self._send_rate.note_sent(now_s, self.requests)

    def _set_gate(self, gate: Gate) -> None:
        if gate is not self.window.gate:
            self.window = replace(self.window, gate=gate)
            self.wake_waiters()

    def _follow_window(self) -> None:
        """Apply the window's new limits, and wake the callers that have room now."""
        permits, self._permits = self._permits, self.window.permitted_calls
        self._spacing.follow_interval(self.window.interval_s, self._ticked_s)
        if self._permits > permits:
            self.wake_waiters()

    def _set_timer(self, now_s: float, body_bytes: int) -> None:
        """Set the timer if time alone can make room."""
        delay_s = self._recheck_s(now_s, body_bytes)
        if delay_s is not None:
            self._timer.set_in(delay_s)

    def _recheck_s(self, now_s: float, body_bytes: int) -> float | None:
        """Return the seconds after which time alone may make room; None if only an event can."""
        gate = self.window.gate
        if self._held is Bound.LEVEL:
            return max(TICK_S, self.window.level.hold_s - self.window.level.age_s)
        if self._held is Bound.RATE:
            return self._spacing.next_s - now_s
        if self._held is Bound.ALLOWANCE:
            return self._allowances.wait_s(now_s, body_bytes)
        if self._held is Bound.GATE:
            is_probing = gate.probe_s is not None and gate.needs_answer
            return None if is_probing or self._is_turn_awaited() else gate.next_s - now_s
        return LAPSED_PAUSE_S if self._held is Bound.LEASE else None

    def _wake_on_time(self) -> None:
        self._waiters.wake_first(1)  # a woken caller that finds no room sets the next timer
        try:
            self._on_time()
        except Exception as error:  # noqa: BLE001  # the caller that was woken checks for itself
            bug_in("timer of the limiter", error)

    def _on_time(self) -> None:
        self._apply_passed_time(self._clock.now_s())
        self.wake_waiters()
