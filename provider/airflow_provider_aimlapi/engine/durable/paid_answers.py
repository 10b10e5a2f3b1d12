"""Find what earlier attempts and earlier runs have paid for, so that no row is sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import RESENT_STATUSES
from airflow_provider_aimlapi.engine.durable.earlier_attempts import read_outcomes
from airflow_provider_aimlapi.engine.reuse.earlier_runs import FoundRuns
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


class PaidAnswers:
    """The outcomes that earlier attempts have left, and the history of the rows they left undecided.

    It holds the outcomes of one part at a time, because those of all parts may not fit into memory.

    Attributes:
        elsewhere: the answers that earlier runs have paid for; none at first.
    """

    def __init__(self, prepared: Prepared, earlier: EarlierAnswers, clock: Clock) -> None:
        self.elsewhere = ReusedAnswers(FoundRuns(), prepared.run_plan)
        self._prepared = prepared
        self._earlier = earlier
        self._clock = clock
        self._part = -1  # the part whose outcomes are held
        self._outcomes: dict[int, Outcome] = {}

    def read_part(self, shard: Shard) -> None:
        """Read the outcomes of a part, and forget those of the part before. Blocking.

        Raises:
            As `find_earlier_answers`.
        """
        self._outcomes = read_outcomes(self._prepared, self._earlier, shard, self._clock)
        self._part = shard.part

    def find(self, part: int, row: int, request_hash: str) -> Outcome | None:
        """Return the outcome of a row, or None if the row has to be sent.

        A row is sent if it has no outcome, if its outcome belongs to another request or does not fit the
        columns, or if it was rejected and rejected rows are sent again.

        Args:
            part: the part that was read last.
        """
        outcome = self._outcome(part, row)
        if outcome is None or outcome.request_hash != request_hash:
            return None
        if outcome.status in RESENT_STATUSES and self._earlier.resends_rejected:
            return None
        return outcome if self._fits_columns(outcome) else None

    def restore_history(self, row: Row) -> None:
        """Write into a row that will be sent what earlier attempts know of it."""
        self._earlier.restore_history(row, self._prepared.follow_ups)
        outcome = self._outcome(row.part, row.row)
        if outcome is not None and outcome.status in RESENT_STATUSES:
            # The row's next outcome replaces this one, so it has to include what this one has
            # cost.
            row.unread_cost_nano_usd = outcome.cost_nano_usd or 0

    def _fits_columns(self, outcome: Outcome) -> bool:
        """Return whether the columns can hold an answer. Someone else may have stored it."""
        validator = self._prepared.validator
        return validator is None or outcome.text is None or validator.is_storable(outcome.text)

    def _outcome(self, part: int, row: int) -> Outcome | None:
        """Return the outcome that was read, with what later answers to a rejected row have cost."""
        if part != self._part:
            raise AssertionError(f"part {part} was not read")
        outcome = self._outcomes.get(row)
        if outcome is None or outcome.status not in RESENT_STATUSES:
            return outcome
        later = self._earlier.unread.get(part, {}).get(row)
        cost = (outcome.cost_nano_usd or 0) + (later.cost_nano_usd if later else 0)
        return msgspec.structs.replace(outcome, cost_nano_usd=cost or None)
