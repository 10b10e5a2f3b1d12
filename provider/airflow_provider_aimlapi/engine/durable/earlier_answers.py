"""What earlier attempts of a run left behind, as values: parts, outcomes, answers that nobody read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.completion import CallRecord, Reason, accepted, rejected
from airflow_provider_aimlapi.core.durable.manifest import Tally, tally_of
from airflow_provider_aimlapi.core.durable.stored_json import REMOVE_FOLDER
from airflow_provider_aimlapi.core.verdicts.failures import earlier_since_us
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from airflow_provider_aimlapi.errors import ApiError, JournalUnreadable, WireViolation
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

log = logger(__name__)

KEPT_BYTES_MAX = 512 * 1024 * 1024
"""Of the journaled answers of one part, which are held while its rows are read: as much as all texts of
a part may have."""
RECORD_BYTES = 512
"""What an answer takes beside its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Answers to a row that nobody could read.

    Attributes:
        rejection: what the row comes to if it is not asked again; its cost is what they said.
        bought: how many. without_cost: how many of them told no cost, as a proxy's page does.
    """

    rejection: Outcome
    bought: int
    without_cost: int

    @property
    def cost_nano_usd(self) -> int:
        """What they said they cost."""
        return self.rejection.cost_nano_usd or 0

    @property
    def is_used_up(self) -> bool:
        """Whether no more may be bought, unless rejected rows are asked again."""
        return self.bought >= WIRE_VIOLATIONS_MAX

    def after(self, earlier: Unread | None) -> Unread:
        """These and earlier ones."""
        if earlier is None:
            return self
        cost = self.cost_nano_usd + earlier.cost_nano_usd
        rejection = msgspec.structs.replace(self.rejection, cost_nano_usd=cost or None)
        return Unread(
            rejection=rejection,
            bought=self.bought + earlier.bought,
            without_cost=self.without_cost + earlier.without_cost,
        )

    def forgiven(self) -> Unread:
        """The same if as many may be bought again."""
        return Unread(rejection=self.rejection, bought=0, without_cost=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAnswers:
    """What need not be asked again.

    Attributes:
        parts: durable parts that stand.
        reopened: durable parts of which some rejected rows are asked again, or were answered
            since; a later edition takes each one's place.
        segments: the names of all segments that were listed, by part.
        journaled: by part, what the journal decides of one that is not durable, or decided after
            one that is. The outcomes themselves are read with the part: see `read_outcomes`.
        unread: answers that nobody could read, by part and row; only of rows that nothing decides.
        failed: the calls that failed so far of rows that nothing decides, by part and row.
        resends_rejected: whether rows that were rejected are asked again.
        charges_nano_usd: by part, what each journaled answer cost that no durable part tells of,
            answers to a row that was paid for twice included; None where the API did not say.
    """

    parts: tuple[PartEntry, ...]
    reopened: dict[int, StagedPart]
    segments: dict[int, list[str]]
    journaled: dict[int, Tally]
    unread: dict[int, dict[int, Unread]]
    failed: dict[int, dict[int, Record]]
    resends_rejected: bool
    charges_nano_usd: dict[int, tuple[int | None, ...]]

    def restore_history(self, row: Row) -> None:
        """Tell a row that is to be asked of its failures, and of answers that could not be read."""
        unread = self.unread.get(row.part, {}).get(row.row)
        if unread is not None:
            row.unread_cost_nano_usd = unread.cost_nano_usd
            row.violations, row.without_cost = unread.bought, unread.without_cost
            row.failed_at_us = unread.rejection.completed_at_us or 0
            row.reason = Reason(unread.rejection.reason or "", unread.rejection.error or "")
        failed = self.failed.get(row.part, {}).get(row.row)
        if failed is not None and failed.request_hash == row.request_hash:
            row.failures = failed.attempts
            row.was_refused = failed.status > 0
            row.was_failing = row.is_undecided = failed.failing_since_us > 0
            row.failed_at_us = failed.completed_at_us
            row.failing_since_us = earlier_since_us(failed.failing_since_us, row.failed_at_us)
            row.reason = _reason(failed) if row.was_failing else row.reason

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
        """Whether an earlier attempt brought a completion."""
        tallies = (*self.durable_tallies(), *self.journaled.values())
        return any(tally.completed for tally in tallies)

    def durable_tallies(self) -> list[Tally]:
        """Return the sums of all durable parts."""
        return [entry.tally for entry in self._durable()]

    def spent_nano_usd(self, parts: range | None = None) -> int:
        """Return what earlier attempts have spent on some parts, or on all."""
        charged = sum(
            charge or 0
            for part, charges in self.charges_nano_usd.items()
            if parts is None or part in parts
            for charge in charges
        )
        durable = (entry for entry in self._durable() if parts is None or entry.part in parts)
        return charged + sum(entry.tally.cost_nano_usd for entry in durable)

    def _durable(self) -> tuple[PartEntry, ...]:
        return (*self.parts, *(staged.entry for staged in self.reopened.values()))

    def rows_decided(self) -> tuple[int, int]:
        """How many rows are decided and stay so, and how many were rejected and are asked again."""
        tallies = [found.entry.tally for found in self.reopened.values()]
        decided = sum(entry.tally.rows for entry in self.parts)
        decided += sum(tally.rows for tally in tallies)
        journaled = self.journaled
        decided += sum(tally.rows for part, tally in journaled.items() if part not in self.reopened)
        again = 0
        if self.resends_rejected:
            again = sum(tally.rejected for tally in journaled.values())
            for part, found in self.reopened.items():
                again += found.entry.tally.rejected - journaled.get(part, Tally()).rows
        return decided - again, again


@dataclass(slots=True, kw_only=True)
class Room:
    """How much more of a part's journal may be kept in memory.

    Attributes:
        uri: of the part's segments.
        has_texts: whether texts of answers are kept, or only what they cost.
    """

    uri: str
    has_texts: bool
    bytes_left: int = field(default_factory=lambda: KEPT_BYTES_MAX)

    def take(self, text: str | None) -> None:
        """Keep one more answer.

        Raises:
            JournalUnreadable: there is no room, so no attempt of this run wrote all of it.
        """
        self.bytes_left -= RECORD_BYTES + len(text or "")
        if self.bytes_left < 0:
            raise JournalUnreadable(
                f"{self.uri} holds more than an attempt leaves. Another program wrote there. "
                f"{REMOVE_FOLDER}"
            )

    def keep(self, outcome: Outcome) -> Outcome:
        """Keep one more outcome. Raises as `take`."""
        kept = outcome if self.has_texts else msgspec.structs.replace(outcome, text=None)
        self.take(kept.text)
        return kept


@dataclass(slots=True, kw_only=True)
class News:
    """What a journal says beyond its part: of one that is durable, answers to rows it rejected.

    Attributes:
        charged: what the part's own sum holds of each of its rejected rows, in nano-dollars.
    """

    charged: dict[int, int]
    outcomes: list[Outcome] = field(default_factory=list)
    unread: dict[int, Unread] = field(default_factory=dict)
    failed: dict[int, Record] = field(default_factory=dict)

    def add(self, record: Record, room: Room, *, is_durable: bool) -> None:
        """Take a record in; a durable part has its rows' rejections itself."""
        if record.kind == "failed":
            room.take(record.in_full)
            self.failed[record.row] = record
            return
        if record.kind == "rejected":  # it counts what came before it
            self.unread.pop(record.row, None)
            self.failed.pop(record.row, None)
        outcome = _read(record)
        if isinstance(outcome, Unread):
            room.take(None)
            self.unread[record.row] = outcome.after(self.unread.get(record.row))
        elif not is_durable or outcome.status != "rejected":
            self.outcomes.append(room.keep(outcome))
        else:
            self.unread[record.row] = self._later_cost(outcome)

    def _later_cost(self, rejection: Outcome) -> Unread:
        """Return what a row cost that the part rejected, and a later attempt too."""
        cost = max(0, (rejection.cost_nano_usd or 0) - self.charged.get(rejection.row, 0))
        rejection = msgspec.structs.replace(rejection, cost_nano_usd=cost or None)
        return Unread(rejection=rejection, bought=0, without_cost=0)

    def tally(self) -> Tally:
        """Count the rows that it decides."""
        return tally_of({outcome.row: outcome for outcome in self.outcomes}.values())

    def charges(self) -> Iterator[int | None]:
        """What the part's own sum does not hold.

        What a rejected row has cost is in the cost of its later outcomes, too.
        """
        counted = dict(self.charged)
        for outcome in self.outcomes:
            row, is_rejected = outcome.row, outcome.status == "rejected"
            if outcome.cost_nano_usd is None and not is_rejected:
                yield None
            cost = outcome.cost_nano_usd or outcome.partial_cost_nano_usd
            if cost or outcome.cost_nano_usd is not None:
                yield max(0, cost - counted.get(row, 0))
            if is_rejected:
                counted[row] = max(cost, counted.get(row, 0))
        for unread in self.unread.values():  # which came after the part
            if unread.cost_nano_usd:  # a page that told no cost says nothing of what a call costs
                yield unread.cost_nano_usd


def news_of(
    records: Iterator[Record],
    shard: Shard,
    staged: StagedPart | None,
    charged: dict[int, int],
    room: Room,
) -> News:
    """What the records of a shard say of the rows that its part does not decide for good."""
    news = News(charged=charged)
    rows = range(shard.rows) if staged is None else charged
    for record in _distinct(record for record in records if record.row in rows):
        news.add(record, room, is_durable=staged is not None)
    for outcome in news.outcomes:
        if outcome.status != "rejected":
            news.unread.pop(outcome.row, None)
    return news


def _read(record: Record) -> Outcome | Unread:
    """What a record says of its row."""
    if record.kind == "rejected":
        return _rejected(record, _reason(record), record.unread_cost_nano_usd)
    try:
        completion = decode_answer(record.answer())
    except ApiError as error:
        told = error.cost_nano_usd if isinstance(error, WireViolation) else None
        cost = record.unread_cost_nano_usd + (told or 0)
        reason = _reason(record) if record.reason else Reason(str(error), error.in_full)
        rejection = _rejected(record, reason, cost)
        return Unread(rejection=rejection, bought=1, without_cost=int(told is None))
    return accepted(completion, _call_of(record, record.unread_cost_nano_usd))


def _reason(record: Record) -> Reason:
    return Reason(record.reason or "", record.in_full or "")


def _rejected(record: Record, reason: Reason, cost_nano_usd: int) -> Outcome:
    return rejected(reason, _call_of(record, cost_nano_usd))


def _call_of(record: Record, unread_cost_nano_usd: int) -> CallRecord:
    return CallRecord(
        row=record.row,
        attempts=record.attempts,
        request_hash=record.request_hash,
        completed_at_us=record.completed_at_us,
        unread_cost_nano_usd=unread_cost_nano_usd,
    )


def _distinct(records: Iterator[Record]) -> Iterator[Record]:
    """Each record once: a segment that was written again after an unclear write repeats some."""
    seen: set[tuple[str, int, str | None, int]] = set()
    for record in records:
        if record.kind == "failed":
            yield record
            continue
        name = (record.kind, record.row, record.inference_id, record.completed_at_us)
        if name not in seen:
            seen.add(name)
            yield record
