"""Staged parts as earlier attempts left them, checked by reading them back. Blocking."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.keys import parse_part_name
from airflow_provider_aimlapi.core.object_sizes import MIB, PART_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.part_outcomes import (
    part_outcomes,
    read_part_entry,
    rejected_rows,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.completion import Outcome
    from airflow_provider_aimlapi.core.manifest import PartEntry
    from airflow_provider_aimlapi.core.plan import Shard
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.prepare import Prepared

PART_READERS = 4
"""Parts are read whole to be checked; so many at once keep memory flat."""
USUAL_PART_BYTES = 64 * MIB
"""Larger ones are read one at a time."""
_ONE_LARGE_PART = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPart:
    """The latest edition of a durable part.

    Attributes:
        rejected: its rejected rows, and what each has cost all the same, in nano-dollars.
    """

    entry: PartEntry
    rejected: dict[int, int]


def staged_parts(prepared: Prepared, clock: Clock) -> list[StagedPart]:
    """All durable parts, each in its latest edition.

    Raises:
        StoreUnavailable: one cannot be read. JournalUnreadable: one is not what its name says.
    """
    shards = {shard.part: shard for shard in prepared.plan.shards}
    editions: dict[int, int] = {}
    for name in prepared.store.list(prepared.names.parts):
        part, edition = parse_part_name(name) or (None, 0)
        if part in shards:
            editions[part] = max(edition, editions.get(part, 0))
    return clock.spread(
        lambda part: _staged_part(prepared, shards[part], editions[part]), editions, PART_READERS
    )


def stored_part(prepared: Prepared, shard: Shard, edition: int = 0) -> PartEntry:
    """Describe one edition of a staged part. Raises as `staged_parts`."""
    return _staged_part(prepared, shard, edition).entry


def stored_outcomes(prepared: Prepared, shard: Shard, staged: StagedPart) -> dict[int, Outcome]:
    """What a shard's staged part says of each row. Raises as `staged_parts`."""
    name = staged.entry.staged_name
    data, entry = _read(prepared, shard, name, bytes_max=PART_BYTES_MAX)
    if entry != staged.entry:
        raise JournalUnreadable(f"{prepared.store.uri(name)} has changed since it was looked at.")
    outcomes = part_outcomes(data, entry, output_column=prepared.job.output_column)
    return {outcome.row: outcome for outcome in outcomes}


def _staged_part(prepared: Prepared, shard: Shard, edition: int) -> StagedPart:
    try:
        return _described(prepared, shard, edition, bytes_max=USUAL_PART_BYTES)
    except JournalUnreadable:  # as are those that are larger
        with _ONE_LARGE_PART:
            return _described(prepared, shard, edition, bytes_max=PART_BYTES_MAX)


def _described(prepared: Prepared, shard: Shard, edition: int, *, bytes_max: int) -> StagedPart:
    name = prepared.names.part(shard.part, edition)
    data, entry = _read(prepared, shard, name, bytes_max=bytes_max)
    rejected: dict[int, int] = {}
    if entry.tally.rejected:
        rejected = rejected_rows(data, entry, output_column=prepared.job.output_column)
    return StagedPart(entry=entry, rejected=rejected)


def _read(
    prepared: Prepared, shard: Shard, name: str, *, bytes_max: int
) -> tuple[bytes, PartEntry]:
    data = prepared.store.read(name, bytes_max=bytes_max)
    if data is None:
        raise StoreUnavailable(f"{prepared.store.uri(name)} was listed, but cannot be read.")
    entry = read_part_entry(
        data,
        run_key=prepared.names.run_key,
        shard=shard,
        staged_name=name,
        output_column=prepared.job.output_column,
    )
    return data, entry
