"""A row that is ready to be sent: its request, and what its calls have shown so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.completion import Reason


class Row(msgspec.Struct, kw_only=True, gc=False):
    """An input row with its request, and the history of its calls.

    Attributes:
        part, row: its shard, and its index within.
        body: the exact request. request_hash: hex sha256 of it.
        exchanges: sent so far. attempts: of these, the ones that count against the row.
        number: of its last call, among the calls of all rows. sent_s: when that was sent.
        rejections: answers that the request is wrong. refusals: those that were the row's own.
        violations: answers that could not be read, over all attempts. untold: those that told no
            cost. unread_cost_nano_usd: what the others said they cost.
        unread: the last answer, until it is journaled.
        failures: failed calls that count against the row, over all attempts.
        is_undecided: whether it is not known yet if the last failure counts.
        reason: of the last failure; None while there was none.
        failing_since_us, failed_at_us: the first and the last of its failures since the last answer
            to any row.
        was_refused: whether an earlier attempt left its refusal undecided. was_failing: whether a
            call failed in one.
    """

    part: int
    row: int
    body: bytes
    request_hash: str
    exchanges: int = 0
    attempts: int = 0
    number: int = 0
    sent_s: float = 0.0
    rejections: int = 0
    refusals: int = 0
    violations: int = 0
    untold: int = 0
    unread_cost_nano_usd: int = 0
    unread: Answer | None = None
    failures: int = 0
    is_undecided: bool = False
    reason: Reason | None = None
    failing_since_us: int = 0
    failed_at_us: int = 0
    was_refused: bool = False
    was_failing: bool = False

    @property
    def name(self) -> tuple[int, int]:
        """Return the row position: part and row within it."""
        return self.part, self.row
