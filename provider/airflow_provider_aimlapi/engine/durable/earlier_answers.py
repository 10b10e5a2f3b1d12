"""What earlier attempts of a run have left, as values: parts, outcomes, unreadable answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import (
    RESENT_STATUSES,
    CallRecord,
    Completion,
    Outcome,
    Reason,
    rejected_outcome,
)
from airflow_provider_aimlapi.core.durable.manifest import Tally, tally_of
from airflow_provider_aimlapi.core.durable.stored_json import REMOVE_FOLDER
from airflow_provider_aimlapi.core.verdicts.failures import earlier_since_us
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from airflow_provider_aimlapi.engine.durable.interim_answers import (
    InterimAnswer,
    continue_row,
    interim_answer,
    join_answers,
    read_completion,
)
from airflow_provider_aimlapi.errors import ApiError, JournalUnreadable, WireViolation
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.follow_ups import FollowUps
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

log = logger(__name__)

KEPT_BYTES_MAX = 512 * 1024 * 1024
"""The limit for the journaled answers of one part, which are in memory while its rows are read. All texts
of a part may have this size."""
RECORD_BYTES = 512
"""The memory of an answer beside its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """The answers to a row that could not be parsed.

    Attributes:
        rejection: the row's outcome if it is not sent again, with the sum of the reported costs.
        bought: the number of answers.
        without_cost: the number of those that reported no cost, as a proxy's page does.
    """

    rejection: Outcome
    bought: int
    without_cost: int

    @property
    def cost_nano_usd(self) -> int:
        """Return the sum of the reported costs."""
        return self.rejection.cost_nano_usd or 0

    @property
    def is_used_up(self) -> bool:
        """Return whether no more may be bought, unless rejected rows are sent again."""
        return self.bought >= WIRE_VIOLATIONS_MAX

    def with_earlier(self, earlier: Unread | None) -> Unread:
        """Return these and earlier ones together."""
        if earlier is None:
            return self
        # None instead of 0: an outcome without a reported cost must not show a cost of nothing.
        cost = self.cost_nano_usd + earlier.cost_nano_usd
        rejection = msgspec.structs.replace(self.rejection, cost_nano_usd=cost or None)
        return Unread(
            rejection=rejection,
            bought=self.bought + earlier.bought,
            without_cost=self.without_cost + earlier.without_cost,
        )

    def as_forgiven(self) -> Unread:
        """Return the same, but as many may be bought again."""
        return Unread(rejection=self.rejection, bought=0, without_cost=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAnswers:
    """What earlier attempts have left of a run.

    Attributes:
        parts: the durable parts that are final.
        reopened: the durable parts of which some rejected rows are sent again, or were answered
            since. Each gets a later edition.
        segments: the names of all segments that were listed, by part.
        journaled: by part, the sums of what the journal decides beyond the durable part. The
            outcomes themselves are read with the part: see `read_outcomes`.
        unread: the answers that could not be parsed, by part and row, of undecided rows only.
        failed: the failed calls so far of undecided rows, by part and row.
        interim: the answers to undecided rows that are sent again because of them, by part and row.
            Their texts are read with the part: see `read_outcomes`.
        resends_rejected: whether rejected rows are sent again.
        charges_nano_usd: by part, the cost of each journaled answer that no durable part includes;
            None if the API did not report it. A row that was paid for twice counts twice.
    """

    parts: tuple[PartEntry, ...]
    reopened: dict[int, StagedPart]
    segments: dict[int, list[str]]
    journaled: dict[int, Tally]
    unread: dict[int, dict[int, Unread]]
    failed: dict[int, dict[int, Record]]
    interim: dict[int, dict[int, list[InterimAnswer]]]
    resends_rejected: bool
    charges_nano_usd: dict[int, tuple[int | None, ...]]

    def restore_history(self, row: Row, follow_ups: FollowUps) -> None:
        """Write into a row that will be sent its failures and its earlier answers."""
        continue_row(row, self.interim.get(row.part, {}).get(row.row, ()), follow_ups)
        unread = self.unread.get(row.part, {}).get(row.row)
        if unread is not None:
            row.unread_cost_nano_usd = unread.cost_nano_usd
            row.violations, row.without_cost = unread.bought, unread.without_cost
            row.failed_at_us = unread.rejection.completed_at_us or 0
            row.reason = Reason(unread.rejection.reason or "", unread.rejection.error or "")
        failed = self.failed.get(row.part, {}).get(row.row)
        # Failures of another request say nothing about this one: the prompt or a parameter has
        # changed.
        if failed is not None and failed.request_hash == row.request_hash:
            row.failures = failed.attempts
            # A record has a status only if the failure was a refusal. Those wait until another row
            # shows whether the key is the cause, so they must not be mixed with failures.
            row.was_refused = failed.status > 0
            row.was_failing = row.is_undecided = failed.failing_since_us > 0
            row.failed_at_us = failed.completed_at_us
            row.failing_since_us = earlier_since_us(failed.failing_since_us, row.failed_at_us)
            row.reason = _reason_in(failed) if row.was_failing else row.reason

    def rows_failing(self) -> set[tuple[int, int]]:
        """Return the rows whose calls have failed so far, by part and row."""
        return {
            (part, row)
            for part, records in self.failed.items()
            for row, record in records.items()
            if record.failing_since_us
        }

    @property
    def has_answers(self) -> bool:
        """Return whether an earlier attempt has received a completion."""
        tallies = (*self.durable_tallies(), *self.journaled.values())
        return any(tally.completed_rows for tally in tallies) or any(self.interim.values())

    def durable_tallies(self) -> list[Tally]:
        """Return the sums of all durable parts."""
        return [entry.tally for entry in self._durable_entries()]

    def spent_nano_usd(self, parts: range | None = None) -> int:
        """Return what earlier attempts have spent on some parts, or on all."""
        charged = sum(
            charge or 0
            for part, charges in self.charges_nano_usd.items()
            if parts is None or part in parts
            for charge in charges
        )
        durable = (
            entry for entry in self._durable_entries() if parts is None or entry.part in parts
        )
        return charged + sum(entry.tally.cost_nano_usd for entry in durable)

    def _durable_entries(self) -> tuple[PartEntry, ...]:
        return (*self.parts, *(staged.entry for staged in self.reopened.values()))

    def rows_decided(self) -> tuple[int, int]:
        """Return the rows that stay decided, and the rejected rows that are sent again."""
        tallies = [found.entry.tally for found in self.reopened.values()]
        decided = sum(entry.tally.rows for entry in self.parts)
        decided += sum(tally.rows for tally in tallies)
        # A reopened part has all its rows already. Its journal only changes rejected ones.
        journaled = self.journaled
        decided += sum(tally.rows for part, tally in journaled.items() if part not in self.reopened)
        again = 0
        if self.resends_rejected:
            again = sum(tally.resendable_rows for tally in journaled.values())
            for part, found in self.reopened.items():
                # The journal decides only rows that the part had rejected.
                again += found.entry.tally.resendable_rows - journaled.get(part, Tally()).rows
        return decided - again, again


@dataclass(slots=True, kw_only=True)
class Room:
    """The memory that is left for a part's journal.

    Attributes:
        uri: the address of the part's segments.
        has_texts: whether texts of answers are kept, or only their costs.
        bytes_left: the memory that is left.
    """

    uri: str
    has_texts: bool
    bytes_left: int = field(default_factory=lambda: KEPT_BYTES_MAX)

    def take_bytes(self, text: str | None) -> None:
        """Count one more answer.

        Raises:
            JournalUnreadable: there is no room, so no attempt of this run wrote all of it.
        """
        self.bytes_left -= RECORD_BYTES + len(text or "")
        if self.bytes_left < 0:
            raise JournalUnreadable(
                f"{REMOVE_FOLDER} {self.uri} holds more than an attempt leaves: another program "
                f"has written there."
            )

    def keep_outcome(self, outcome: Outcome) -> Outcome:
        """Keep one more outcome. Raises as `take_bytes`."""
        # Sums are read for all parts at once, so texts are kept only while their own part is read.
        kept = outcome if self.has_texts else msgspec.structs.replace(outcome, text=None)
        self.take_bytes(kept.text)
        return kept


@dataclass(slots=True, kw_only=True)
class News:
    """What a journal contains beyond its part. If the part is durable: answers to its rejected rows.

    Attributes:
        charged: what the part's own sum includes for each rejected row, in nano-dollars.
        outcomes: the outcomes, in the order of the records.
        unread: the answers that could not be parsed, by row.
        failed: the failures so far, by row.
        interim: the answers after which a row is sent again, by row.
    """

    charged: dict[int, int]
    outcomes: list[Outcome] = field(default_factory=list)
    unread: dict[int, Unread] = field(default_factory=dict)
    failed: dict[int, Record] = field(default_factory=dict)
    interim: dict[int, list[InterimAnswer]] = field(default_factory=dict)

    def add_record(self, record: Record, room: Room, *, is_durable: bool) -> None:
        """Add a record. The rejections in a durable part are not added again."""
        # 1. A failure replaces the row's earlier ones: the record holds all of them.
        # 2. A rejection includes what came before it, so that is dropped.
        # 3. Unreadable answers add up.
        # 4. An interim answer waits for the row's later ones.
        # 5. An outcome is kept, unless the durable part rejects the row, too: then only its cost is.
        if record.kind == "failed":
            room.take_bytes(record.in_full)
            self.failed[record.row] = record
            return
        if record.kind == "rejected":  # it includes what came before it
            self.unread.pop(record.row, None)
            self.failed.pop(record.row, None)
        outcome = _read_record(record, self.interim.get(record.row, ()))
        if isinstance(outcome, Completion):
            room.take_bytes(outcome.text)
            one = interim_answer(record, outcome, has_texts=room.has_texts)
            self.interim.setdefault(record.row, []).append(one)
            return
        if isinstance(outcome, Outcome):
            self.interim.pop(record.row, None)
        if isinstance(outcome, Unread):
            room.take_bytes(None)
            self.unread[record.row] = outcome.with_earlier(self.unread.get(record.row))
        elif not is_durable or outcome.status not in RESENT_STATUSES:
            self.outcomes.append(room.keep_outcome(outcome))
        else:
            self.unread[record.row] = self._later_cost(outcome)

    def _later_cost(self, rejection: Outcome) -> Unread:
        """Return the later cost of a row that the part has rejected, and a later attempt too."""
        # Each outcome of a row contains the costs before it. What the durable part has counted
        # must not count twice.
        cost = max(0, (rejection.cost_nano_usd or 0) - self.charged.get(rejection.row, 0))
        rejection = msgspec.structs.replace(rejection, cost_nano_usd=cost or None)
        return Unread(rejection=rejection, bought=0, without_cost=0)

    def tally_of_rows(self) -> Tally:
        """Return the sums of the rows that it decides."""
        return tally_of({outcome.row: outcome for outcome in self.outcomes}.values())

    def charges_beyond_part(self) -> Iterator[int | None]:
        """Yield the charges that the part's own sum does not include.

        The cost of a rejected row is included in the costs of its later outcomes.
        """
        counted = dict(self.charged)
        for outcome in self.outcomes:
            row, is_rejected = outcome.row, outcome.status == "rejected"
            # 1. An answer without a reported cost: the budget must know that one cost is missing.
            # 2. Any other outcome: only the part of its cost that no earlier outcome of the row
            #    has counted.
            # 3. A row that may be sent again: what it has cost so far is part of its next
            #    outcome's cost.
            if outcome.cost_nano_usd is None and not is_rejected:
                yield None
            cost = outcome.cost_nano_usd or outcome.partial_cost_nano_usd
            if cost or outcome.cost_nano_usd is not None:
                yield max(0, cost - counted.get(row, 0))
            if outcome.status in RESENT_STATUSES:
                counted[row] = max(cost, counted.get(row, 0))
        for answers in self.interim.values():
            yield from (one.completion.cost_nano_usd for one in answers)
        for unread in self.unread.values():  # which came after the part
            if unread.cost_nano_usd:  # a page without a cost shows nothing about the cost of calls
                yield unread.cost_nano_usd


def news_of(
    records: Iterator[Record],
    shard: Shard,
    staged: StagedPart | None,
    charged: dict[int, int],
    room: Room,
) -> News:
    """Return what a shard's records contain for the rows that its part does not decide finally."""
    news = News(charged=charged)
    # Without a part, every row of the shard. With one, only its rejected rows, because its answers
    # are final.
    rows = range(shard.rows) if staged is None else charged
    for record in _distinct_records(record for record in records if record.row in rows):
        news.add_record(record, room, is_durable=staged is not None)
    for outcome in news.outcomes:
        if outcome.status not in RESENT_STATUSES:
            news.unread.pop(outcome.row, None)
    return news


def _read_record(record: Record, interim: Sequence[InterimAnswer]) -> Outcome | Unread | Completion:
    """Return a record's outcome, its answer that cannot be parsed, or its interim answer.

    Args:
        interim: the row's interim answers so far.
    """
    if record.kind == "rejected":
        return _rejected_outcome(record, _reason_in(record), record.unread_cost_nano_usd)
    completion: Completion | None = None
    if record.kind != "settled":
        try:
            completion = read_completion(record)
        except ApiError as error:
            return _unread_answer(record, error)
        if record.kind == "interim":
            return completion
    answers = join_answers(interim, completion)
    repairs = sum(one.completion.status == "invalid" for one in interim)
    call = msgspec.structs.replace(_call_of(record, record.unread_cost_nano_usd), repairs=repairs)
    if answers is None:  # its answer is gone, so the row is sent again
        return Unread(rejection=rejected_outcome(Reason("", ""), call), bought=0, without_cost=0)
    return answers.outcome_of_row(call)


def _unread_answer(record: Record, error: ApiError) -> Unread:
    reported = error.cost_nano_usd if isinstance(error, WireViolation) else None
    cost = record.unread_cost_nano_usd + (reported or 0)
    reason = _reason_in(record) if record.reason else Reason(str(error), error.in_full)
    rejection = _rejected_outcome(record, reason, cost)
    return Unread(rejection=rejection, bought=1, without_cost=int(reported is None))


def _reason_in(record: Record) -> Reason:
    return Reason(record.reason or "", record.in_full or "")


def _rejected_outcome(record: Record, reason: Reason, cost_nano_usd: int) -> Outcome:
    return rejected_outcome(reason, _call_of(record, cost_nano_usd))


def _call_of(record: Record, unread_cost_nano_usd: int) -> CallRecord:
    return CallRecord(
        row=record.row,
        attempts=record.attempts,
        request_hash=record.request_hash,
        completed_at_us=record.completed_at_us,
        unread_cost_nano_usd=unread_cost_nano_usd,
    )


def _distinct_records(records: Iterator[Record]) -> Iterator[Record]:
    """Yield each record once: a segment that was written again after an unclear write repeats some."""
    seen: set[tuple[str, int, str | None, int]] = set()
    for record in records:
        if record.kind == "failed":
            yield record
            continue
        name = (record.kind, record.row, record.inference_id, record.completed_at_us)
        if name not in seen:
            seen.add(name)
            yield record
