"""The sums of several answers to one row. A row is sent again if its last answer is cut off or invalid."""

from __future__ import annotations

import msgspec

from airflow_provider_aimlapi.core.calls.completion import (
    CallRecord,
    Completion,
    Outcome,
    accepted_outcome,
)

_SUMMED = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "cost_nano_usd",
)


class Answers(msgspec.Struct, frozen=True, gc=False):
    """All answers to a row so far.

    Attributes:
        last: the last answer, with the tokens and the cost of all. A sum is None if one of them did
            not report its number.
        partial_cost_nano_usd: if the cost is None, the part of it that is known.
    """

    last: Completion
    partial_cost_nano_usd: int = 0

    def with_later(self, later: Completion) -> Answers:
        """Return these answers and a later one."""
        sums = {
            name: _sum_if_known(getattr(self.last, name), getattr(later, name)) for name in _SUMMED
        }
        partial = self.partial_cost_nano_usd
        if sums["cost_nano_usd"] is None:
            partial += (self.last.cost_nano_usd or 0) + (later.cost_nano_usd or 0)
        return Answers(msgspec.structs.replace(later, **sums), partial)

    def outcome_of_row(self, call: CallRecord) -> Outcome:
        """Return the outcome of the row, if the last answer is its final one."""
        known = call.unread_cost_nano_usd + self.partial_cost_nano_usd
        return accepted_outcome(
            self.last, msgspec.structs.replace(call, unread_cost_nano_usd=known)
        )


def _sum_if_known(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
