"""What earlier attempts of a run left behind: durable parts and journaled outcomes. Blocking."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.wire import decode_answer
from airflow_provider_aimlapi.core.budget import Budget
from airflow_provider_aimlapi.core.completion import accepted, rejected
from airflow_provider_aimlapi.core.keys import parse_part_name
from airflow_provider_aimlapi.errors import ApiError, JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.part_writer import read_part_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.completion import Outcome
    from airflow_provider_aimlapi.core.journal import Record
    from airflow_provider_aimlapi.core.manifest import PartEntry
    from airflow_provider_aimlapi.core.plan import Shard
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.prepare import Prepared
    from airflow_provider_aimlapi.storage.journal_store import JournalStore

log = logging.getLogger(__name__)

PART_READERS = 4
"""Parts are read whole to be checked; so many at once keep memory flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What need not be asked again.

    Attributes:
        parts: durable parts.
        known: journaled outcomes of the other parts, by part and row.
        charges_nano_usd: what each journaled answer cost, answers to a row that was paid for
            twice included; None where the API did not say.
    """

    parts: tuple[PartEntry, ...]
    known: dict[int, dict[int, Outcome]]
    charges_nano_usd: tuple[int | None, ...]

    def budget(self, limit_nano_usd: int | None) -> Budget:
        """The run's budget, with what earlier attempts spent already charged."""
        budget = Budget(limit_nano_usd=limit_nano_usd)
        for entry in self.parts:
            tally = entry.tally
            budget.charge_part(
                tally.cost_nano_usd, answers=tally.completed, unknown=tally.rows_without_cost
            )
        for charge in self.charges_nano_usd:
            budget.charge(charge)
        return budget


def find_remains(prepared: Prepared, journal: JournalStore, clock: Clock) -> Remains:
    """Read what earlier attempts left.

    Raises:
        JournalUnreadable: a part is not what its name says.
        StoreUnavailable: something is there and cannot be read; it is not taken for absent.
    """
    # The journal first: an older attempt may wake, write the last part, publish, and give the
    # journal up between the two listings. What is in neither would be paid for again.
    found = journal.segments()
    parts = _durable_parts(prepared, clock)
    done = {entry.part for entry in parts}
    known: dict[int, dict[int, Outcome]] = {}
    charges: list[int | None] = []
    for part, segments in found.items():
        if part in done:
            continue
        known[part] = {}
        for outcome in _distinct(_read(record) for record in journal.replay(segments)):
            known[part][outcome.row] = outcome
            if outcome.status != "rejected" or outcome.cost_nano_usd:
                charges.append(outcome.cost_nano_usd)
    if _is_all_rejected(parts, known):
        known = {}
    rows = sum(entry.tally.rows for entry in parts) + sum(map(len, known.values()))
    if rows:
        log.info("%s rows were decided by earlier attempts and are not asked again.", f"{rows:,}")
    return Remains(parts=parts, known=known, charges_nano_usd=tuple(charges))


def _is_all_rejected(parts: tuple[PartEntry, ...], known: dict[int, dict[int, Outcome]]) -> bool:
    """Whether no row was ever answered: then the set-up was wrong, not the rows.

    A refusal costs nothing, so they are asked again, now that somebody may have mended it.
    """
    return not any(entry.tally.completed for entry in parts) and all(
        outcome.status == "rejected" for rows in known.values() for outcome in rows.values()
    )


def _durable_parts(prepared: Prepared, clock: Clock) -> tuple[PartEntry, ...]:
    shards = {shard.part: shard for shard in prepared.plan.shards}
    numbers = [parse_part_name(name) for name in prepared.store.list(prepared.names.parts)]
    found = [shards[number] for number in numbers if number in shards]
    return tuple(clock.spread(lambda shard: stored_part(prepared, shard), found, PART_READERS))


def stored_part(prepared: Prepared, shard: Shard) -> PartEntry:
    """Describe a staged part by reading it back.

    Raises:
        StoreUnavailable: it cannot be read. JournalUnreadable: it is not what its name says.
    """
    name = prepared.names.part(shard.part)
    data = prepared.store.read(name)
    if data is None:
        raise StoreUnavailable(f"{prepared.store.uri(name)} was listed, but cannot be read.")
    entry = read_part_entry(
        data,
        run_key=prepared.names.run_key,
        part=shard.part,
        staged_name=name,
        visible_name=shard.visible_name,
    )
    if entry.tally.rows != shard.rows:
        raise JournalUnreadable(
            f"{prepared.store.uri(name)} holds {entry.tally.rows:,} rows, the plan "
            f"{shard.rows:,}. Somebody has changed one of the two; remove the run's folder to "
            f"begin anew."
        )
    return entry


def _read(record: Record) -> Outcome | None:
    """A record's outcome; None when its answer is not accepted by today's reading."""
    if record.kind == "rejected":
        return rejected(
            record.reason or "",
            row=record.row,
            attempts=record.attempts,
            request_hash=record.request_hash,
            completed_at_us=record.completed_at_us,
            unread_cost_nano_usd=record.unread_cost_nano_usd,
        )
    try:
        completion = decode_answer(record.answer())
    except ApiError:
        return None
    return accepted(
        completion,
        row=record.row,
        attempts=record.attempts,
        request_hash=record.request_hash,
        completed_at_us=record.completed_at_us,
        unread_cost_nano_usd=record.unread_cost_nano_usd,
    )


def _distinct(outcomes: Iterator[Outcome | None]) -> Iterator[Outcome]:
    """Each outcome once: a segment that was written again after an unclear write repeats some."""
    seen: set[tuple[int, str | None, int | None]] = set()
    for outcome in outcomes:
        if outcome is None:
            continue
        name = (outcome.row, outcome.inference_id, outcome.completed_at_us)
        if name not in seen:
            seen.add(name)
            yield outcome
