"""Find what earlier attempts and earlier runs have paid for, so that no row is sent twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import RESENT_STATUSES
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.engine.durable.earlier_attempts import read_outcomes
from airflow_provider_aimlapi.engine.durable.staged_parts import stored_outcomes
from airflow_provider_aimlapi.engine.reuse.earlier_runs import FoundRuns
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.stores.checked_store import Check


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

    def read_around(
        self, first: Shard, rows_max: int, check: Check
    ) -> Iterator[tuple[int, Outcome]]:
        """Yield what this run's earlier attempts have paid for, by part. Blocking.

        Parts that are nearest to the shard come last.

        Args:
            first: the first shard whose rows are sent.
            rows_max: the most answers. Parts far from the shard are left out.
            check: called before each request; raises to end the scan.

        Raises:
            As `find_earlier_answers`.
        """
        near: list[tuple[Shard, PartEntry | None]] = []
        for shard, entry, answers in sorted(
            self._answered(), key=lambda one: abs(one[0].part - first.part)
        ):
            rows_max -= answers
            if rows_max < 0:
                break
            near.append((shard, entry))
        store = patient_store(self._prepared.store, self._clock, check)
        prepared = replace(self._prepared, store=store)
        for shard, entry in reversed(near):
            if entry is None:
                outcomes = read_outcomes(prepared, self._earlier, shard, self._clock)
            else:
                outcomes = stored_outcomes(prepared, entry)
            for outcome in outcomes.values():
                if self._stands(outcome):
                    yield shard.part, outcome

    def _answered(self) -> Iterator[tuple[Shard, PartEntry | None, int]]:
        """Yield the shards with answers: their final part, if there is one, and how many there are."""
        earlier = self._earlier
        final = {entry.part: entry for entry in earlier.parts}
        for shard in self._prepared.plan.shards:
            entry, reopened = final.get(shard.part), earlier.reopened.get(shard.part)
            journaled = earlier.journaled.get(shard.part, Tally())
            answers = journaled.paid_answers if entry is None else entry.tally.paid_answers
            answers += reopened.entry.tally.paid_answers if reopened is not None else 0
            if answers:
                yield shard, entry, answers

    def find_outcome(self, part: int, row: int, request_hash: str) -> Outcome | None:
        """Return the outcome of a row, or None if the row has to be sent.

        A row is sent if it has no outcome, if its outcome belongs to another request or does not fit the
        columns, or if it was rejected and rejected rows are sent again.

        Args:
            part: the part that was read last.
        """
        outcome = self._read_outcome(part, row)
        if outcome is None or outcome.request_hash != request_hash:
            return None
        return outcome if self._stands(outcome) else None

    def restore_history(self, row: Row) -> None:
        """Write into a row that will be sent what earlier attempts know of it."""
        self._earlier.restore_history(row, self._prepared.follow_ups)
        outcome = self._read_outcome(row.part, row.row)
        if outcome is not None and outcome.status in RESENT_STATUSES:
            # The row's next outcome replaces this one, so it has to include what this one has
            # cost.
            row.unread_cost_nano_usd = outcome.cost_nano_usd or 0

    def _stands(self, outcome: Outcome) -> bool:
        """Return whether a row keeps its outcome, and is not sent again."""
        is_resent = outcome.status in RESENT_STATUSES and self._earlier.resends_rejected
        return not is_resent and self._fits_columns(outcome)

    def _fits_columns(self, outcome: Outcome) -> bool:
        """Return whether the columns can hold an answer. Someone else may have stored it."""
        validator = self._prepared.validator
        return validator is None or outcome.text is None or validator.is_storable(outcome.text)

    def _read_outcome(self, part: int, row: int) -> Outcome | None:
        """Return the outcome that was read, with what later answers to a rejected row have cost."""
        if part != self._part:
            raise AssertionError(f"part {part} was not read")
        outcome = self._outcomes.get(row)
        if outcome is None or outcome.status not in RESENT_STATUSES:
            return outcome
        later = self._earlier.unread.get(part, {}).get(row)
        cost = (outcome.cost_nano_usd or 0) + (later.cost_nano_usd if later else 0)
        return msgspec.structs.replace(outcome, cost_nano_usd=cost or None)
