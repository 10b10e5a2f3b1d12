"""Keeps to a limit that the user has set, in any minute. No I/O, no clock.

Requests are spaced evenly, with a small burst for a late event loop. The tokens that a call may use
are reserved before it is sent, and corrected when its answer reports how many it used.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MINUTE_S = 60.0
BURST_PART = 100
"""The burst is a hundredth of a minute's requests."""
TOKENS_A_BYTE = 0.5
"""Used before the first answer. No text was seen with more tokens per byte in a known tokenizer."""
ANSWER_TOKENS = 1024
"""Used before the first answer, if max_tokens is not set."""
WAIT_MIN_S = 0.001
"""The shortest wait, so that a rounded difference does not become a busy loop."""
SLACK = 1.1
"""Factor over the largest call so far, because the next one may be a little larger."""


@dataclass(slots=True, kw_only=True)
class RequestAllowance:
    """At most `per_minute` requests in any 60 seconds.

    A burst of b requests and then one every T seconds are at most b - 1 + 60 / T in any minute. T is
    chosen so that this equals `per_minute`.
    """

    per_minute: int
    due_s: float = 0.0

    @property
    def burst_size(self) -> int:
        """Return the requests that may go at once after a pause."""
        return 1 + self.per_minute // BURST_PART

    @property
    def interval_s(self) -> float:
        """Return the seconds between two requests, rounded up, so that no minute has one too many."""
        return (1 + 1e-6) * MINUTE_S / (self.per_minute - self.burst_size + 1)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a request may go; 0 or less means now."""
        return self.due_s - (self.burst_size - 1) * self.interval_s - now_s

    def count_request(self, now_s: float) -> None:
        """Count a request that is sent now."""
        self.due_s = max(self.due_s, now_s) + self.interval_s


@dataclass(slots=True, kw_only=True)
class TokenAllowance:
    """At most `per_minute` tokens in any 60 seconds, prompts and answers together.

    While a call is in flight, the tokens that it may use count. For a minute after its end, the tokens
    that it used count. So each token counts here whenever the API may count it.

    Attributes:
        answer_tokens: the longest expected answer, before the first is known.
        used: (time, tokens) of the calls that ended in the last minute.
    """

    per_minute: int
    answer_tokens: int = field(default_factory=lambda: ANSWER_TOKENS)
    used: deque[tuple[float, int]] = field(default_factory=deque)
    # Tokens of `used`; tokens of calls in flight; when the next call may go, by the mean so far.
    used_sum: int = 0
    reserved: int = 0
    due_s: float = 0.0
    # The largest ratio and the largest answer so far, and the sums from which the mean follows.
    tokens_a_byte: float = 0.0
    largest_answer: int = 0
    calls: int = 0
    tokens: int = 0

    def reservation_for_call(self, body_bytes: int) -> int:
        """Return the tokens that a call with a request of this size may use."""
        if not self.calls:
            return int(TOKENS_A_BYTE * body_bytes) + self.answer_tokens
        return int(SLACK * (self.tokens_a_byte * body_bytes + self.largest_answer)) + 1

    def wait_s(self, now_s: float, body_bytes: int) -> float:
        """Return the seconds until such a call may go; 0 or less means now."""
        while self.used and self.used[0][0] <= now_s - MINUTE_S:
            self.used_sum -= self.used.popleft()[1]
        taken = self.used_sum + self.reserved
        if not taken:
            return 0.0  # a call larger than a whole minute's allowance goes alone
        # 1. Nothing counts now: the call goes, however large it is.
        # 2. It fits: it goes at its turn, so that calls are spread over the minute.
        # 3. It does not fit: it waits until the oldest ended call leaves the minute, or, without
        #    one, for the end of a call in flight, which wakes the waiters.
        if taken + self.reservation_for_call(body_bytes) <= self.per_minute:
            return self.due_s - now_s
        return max(WAIT_MIN_S, self.used[0][0] + MINUTE_S - now_s) if self.used else MINUTE_S

    def reserve_for_call(self, now_s: float, body_bytes: int) -> int:
        """Count a call that is sent now; return its reservation, for `settle_reservation` or `end_reservation`."""
        reservation = self.reservation_for_call(body_bytes)
        self.reserved += reservation
        likely = self.tokens / self.calls if self.calls else reservation
        # The mean, not the reservation. Calls spaced by the most that they may use would use half
        # of the allowance.
        self.due_s = max(self.due_s, now_s) + likely * MINUTE_S / self.per_minute
        return reservation

    def settle_reservation(
        self, now_s: float, reservation: int, *, body_bytes: int, prompt: int, answer: int
    ) -> None:
        """Replace a reservation by the tokens that the answered call used."""
        self.tokens_a_byte = max(self.tokens_a_byte, prompt / max(1, body_bytes))
        self.largest_answer = max(self.largest_answer, answer)
        self.calls += 1
        self.tokens += prompt + answer
        self.end_reservation(now_s, reservation, prompt + answer)

    def end_reservation(self, now_s: float, reservation: int, tokens: int) -> None:
        """Replace a reservation by the tokens that the call is known to have used."""
        self.reserved -= reservation
        if tokens:
            self.used.append((now_s, tokens))
            self.used_sum += tokens
