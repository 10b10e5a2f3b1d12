"""A limit that a person has given: kept exactly, in any minute. No I/O, no clock.

Requests are spaced evenly, with a small burst for a loop that is late. Tokens are set aside before
a call, as many as it may take, and settled when its answer tells what it took.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MINUTE_S = 60.0
BURST_PART = 100
"""The burst is a hundredth of a minute's requests."""
TOKENS_A_BYTE = 0.5
"""Before any answer: no text of a known tokenizer has been seen to have more."""
ANSWER_TOKENS = 1024
"""Before any answer, where max_tokens is not set."""
WAIT_MIN_S = 0.001
"""Whoever must wait waits at least this, however a difference was rounded."""
SLACK = 1.1
"""Over the largest seen: the next call may be a little larger."""


@dataclass(slots=True, kw_only=True)
class RequestAllowance:
    """So many requests in any 60 seconds.

    A burst of b and then one each T seconds are at most b - 1 + 60 / T in any minute; T is chosen
    so that this is `per_minute`.
    """

    per_minute: int
    due_s: float = 0.0

    @property
    def burst(self) -> int:
        """Requests that may go at once after a pause."""
        return 1 + self.per_minute // BURST_PART

    @property
    def interval_s(self) -> float:
        """Seconds between two requests; a hair more, so that rounding makes no minute fuller."""
        return (1 + 1e-6) * MINUTE_S / (self.per_minute - self.burst + 1)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may go; 0 or less: now."""
        return self.due_s - (self.burst - 1) * self.interval_s - now_s

    def take(self, now_s: float) -> None:
        """A request goes."""
        self.due_s = max(self.due_s, now_s) + self.interval_s


@dataclass(slots=True, kw_only=True)
class TokenAllowance:
    """So many tokens in any 60 seconds, prompts and answers together.

    A call counts with what it may take from when it is sent until it ends, and with what it took
    for a minute after: so whenever the API counts it, it has been counted here.

    Attributes:
        answer_tokens: of the longest answer to reckon with, before any is known.
        used: (when, tokens) of calls that ended in the last minute.
    """

    per_minute: int
    answer_tokens: int = ANSWER_TOKENS
    used: deque[tuple[float, int]] = field(default_factory=deque)
    used_sum: int = 0
    reserved: int = 0
    due_s: float = 0.0
    tokens_a_byte: float = 0.0
    largest_answer: int = 0
    calls: int = 0
    tokens: int = 0

    def reservation(self, body_bytes: int) -> int:
        """What a call with a request of this size may take."""
        if not self.calls:
            return int(TOKENS_A_BYTE * body_bytes) + self.answer_tokens
        return int(SLACK * (self.tokens_a_byte * body_bytes + self.largest_answer)) + 1

    def wait_s(self, now_s: float, body_bytes: int) -> float:
        """Seconds until such a call may go; 0 or less: now."""
        while self.used and self.used[0][0] <= now_s - MINUTE_S:
            self.used_sum -= self.used.popleft()[1]
        taken = self.used_sum + self.reserved
        if not taken:
            return 0.0  # a call that alone is more than a minute's allowance goes alone
        if taken + self.reservation(body_bytes) <= self.per_minute:
            return self.due_s - now_s
        return max(WAIT_MIN_S, self.used[0][0] + MINUTE_S - now_s) if self.used else MINUTE_S

    def take(self, now_s: float, body_bytes: int) -> int:
        """A call goes; returns what is set aside for it, to be handed to `settle`."""
        reservation = self.reservation(body_bytes)
        self.reserved += reservation
        likely = self.tokens / self.calls if self.calls else reservation
        self.due_s = max(self.due_s, now_s) + likely * MINUTE_S / self.per_minute
        return reservation

    def settle(
        self, now_s: float, reservation: int, *, body_bytes: int, prompt: int, answer: int
    ) -> None:
        """A call was answered, and took so many tokens of prompt and answer."""
        self.tokens_a_byte = max(self.tokens_a_byte, prompt / max(1, body_bytes))
        self.largest_answer = max(self.largest_answer, answer)
        self.calls += 1
        self.tokens += prompt + answer
        self.end(now_s, reservation, prompt + answer)

    def end(self, now_s: float, reservation: int, tokens: int) -> None:
        """A call has ended and took so many tokens, as far as is known."""
        self.reserved -= reservation
        if tokens:
            self.used.append((now_s, tokens))
            self.used_sum += tokens
