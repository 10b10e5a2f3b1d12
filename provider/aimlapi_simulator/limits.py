"""The limits of the API. They decide from the time alone whether a call is answered with 429."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

    from aimlapi_simulator.faults.script import Limits

Refusal = Literal["concurrency", "rate", "minute", "tokens"]
_WINDOW_S = 60
_ROUNDING = 1e-9
"""Ten additions of 0.1 give slightly less than 1. Without this, the tenth call would be refused."""


class Gate:
    """One upstream: calls in flight, a bucket of calls, and a fixed window of a minute."""

    __slots__ = (
        "_bucket",
        "_bucket_at_s",
        "_calls",
        "_tokens",
        "_window_ends_s",
        "in_flight",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self._bucket: float | None = None  # calls left in the bucket; None before the first call
        self._bucket_at_s = 0.0  # when the bucket was filled last
        self._window_ends_s = 0.0  # the next full minute
        self._calls = 0  # calls in this minute
        self._tokens = 0  # tokens in this minute

    def is_full(self, limits: Limits) -> bool:
        """Return whether no slot is free."""
        return limits.max_concurrent is not None and self.in_flight >= limits.max_concurrent

    def admit_call(self, limits: Limits, now_s: float, prompt_tokens: int) -> Refusal | None:
        """Count a call, or return the limit that it would break.

        A refused call uses up nothing. The slots are not checked here: see `is_full`.
        """
        if now_s >= self._window_ends_s:
            self._turn_window(now_s)
        if limits.per_minute is not None and self._calls >= limits.per_minute:
            return "minute"
        if limits.tokens_per_minute is not None and self._is_over_tokens(limits, prompt_tokens):
            return "tokens"
        # The bucket comes last, because it is the only check that uses something up.
        if limits.rps is not None and not self._take_from_bucket(limits, limits.rps, now_s):
            return "rate"
        self._calls += 1
        self._tokens += prompt_tokens
        return None

    def count_tokens(self, now_s: float, completion_tokens: int) -> None:
        """Count generated tokens, in the minute in which the answer was finished."""
        if now_s >= self._window_ends_s:
            self._turn_window(now_s)
        self._tokens += completion_tokens

    def _turn_window(self, now_s: float) -> None:
        self._window_ends_s = (now_s // _WINDOW_S + 1) * _WINDOW_S
        self._calls = self._tokens = 0

    def _is_over_tokens(self, limits: Limits, tokens: int) -> bool:
        assert limits.tokens_per_minute is not None  # noqa: S101 - for the type checker
        # A call that alone exceeds a whole minute's tokens passes in an empty window. Otherwise it
        # could never be sent.
        return self._tokens > 0 and self._tokens + tokens > limits.tokens_per_minute

    def _take_from_bucket(self, limits: Limits, rps: float, now_s: float) -> bool:
        size = limits.burst if limits.burst is not None else max(1.0, rps)
        level = size if self._bucket is None else self._bucket
        level = min(size, level + max(0.0, now_s - self._bucket_at_s) * rps)
        self._bucket_at_s = now_s
        is_enough = level >= 1 - _ROUNDING
        self._bucket = level - 1 if is_enough else level
        return is_enough


class Gates:
    """The upstreams behind the API. Each has the script's limits for itself."""

    __slots__ = ("_gates", "in_flight", "peak")

    def __init__(self) -> None:
        self._gates = [Gate()]
        self.in_flight = 0  # of all upstreams
        self.peak = 0  # most calls in flight so far

    def choose_upstream(self, limits: Limits, random: Random) -> Gate:
        """Return the upstream of the next call."""
        if limits.upstreams == 1:
            return self._gates[0]
        missing = limits.upstreams - len(self._gates)
        self._gates += [Gate() for _ in range(missing)]
        return self._gates[random.randrange(limits.upstreams)]

    def take_slot(self, gate: Gate) -> None:
        """Take a slot of an upstream."""
        gate.in_flight += 1
        self.in_flight += 1
        if self.in_flight > self.peak:  # noqa: PLR1730 - max() costs more than the rest of this function
            self.peak = self.in_flight

    def return_slot(self, gate: Gate) -> None:
        """Return a slot."""
        gate.in_flight -= 1
        self.in_flight -= 1
