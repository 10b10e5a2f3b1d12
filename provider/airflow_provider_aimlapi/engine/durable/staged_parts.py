"""Describe staged parts, as earlier attempts left them, by their footers. Blocking."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_part_name
from airflow_provider_aimlapi.core.durable.object_sizes import PART_BYTES_MAX
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.parts.part_footer import (
    END_BYTES,
    footer_bytes,
    read_part_end,
)
from airflow_provider_aimlapi.storage.parts.part_reader import (
    part_outcomes,
    read_staged_part,
    rejected_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

FOOTER_READERS = 16
"""Threads that read footers: a part takes two requests, so a thousand parts take seconds."""
_ONE_LARGE_FOOTER = threading.Lock()
"""Footers above END_BYTES are read one at a time, because one may take 290 MB of memory."""


def staged_parts(prepared: Prepared, clock: Clock) -> dict[int, StagedPart]:
    """Describe all durable parts by number, each in its latest edition.

    Raises:
        StoreUnavailable: one cannot be read. JournalUnreadable: one is not what its name says.
    """
    shards = {shard.part: shard for shard in prepared.plan.shards}
    editions = _latest_editions(prepared, shards)
    found = clock.map_in_threads(
        lambda part: stored_part(prepared, shards[part], editions[part]), editions, FOOTER_READERS
    )
    return dict(zip(editions, found, strict=True))


def latest_part(prepared: Prepared, shard: Shard) -> StagedPart | None:
    """Describe the latest edition of a shard's part as it stands now. Raises as `staged_parts`."""
    editions = _latest_editions(prepared, {shard.part})
    return stored_part(prepared, shard, editions[shard.part]) if editions else None


def stored_part(prepared: Prepared, shard: Shard, edition: int = 0) -> StagedPart:
    """Describe one edition of a staged part. Raises as `staged_parts`."""
    name = prepared.names.part_name(shard.part, edition)
    # A footer fits almost always. If it does not, its size is known from these bytes, and the rest
    # is read under the lock.
    end = read_part_end(prepared.store, name, bytes_max=END_BYTES)
    is_large = footer_bytes(end or b"") > END_BYTES
    with _ONE_LARGE_FOOTER if is_large else nullcontext():
        if is_large:
            end = read_part_end(prepared.store, name)
        if end is None:
            raise _gone_part(prepared, name)
        return describe_part(prepared, shard, name, end)


def describe_part(prepared: Prepared, shard: Shard, name: str, end: bytes) -> StagedPart:
    """Describe a part by its last bytes.

    Raises:
        JournalUnreadable: it is not what its name says.
    """
    return read_staged_part(
        end,
        run_key=prepared.names.run_key,
        shard=shard,
        staged_name=name,
        outcome_columns=prepared.outcome_columns,
    )


def stored_outcomes(prepared: Prepared, entry: PartEntry) -> dict[int, Outcome]:
    """Return the outcome of each row of a staged part. Raises as `staged_parts`."""
    data, columns = _read_part(prepared, entry), prepared.outcome_columns
    outcomes = part_outcomes(data, entry, outcome_columns=columns)
    return {outcome.row: outcome for outcome in outcomes}


def stored_rejections(prepared: Prepared, staged: StagedPart) -> dict[int, int]:
    """Return a part's rejected rows, and the cost of each in nano-dollars. Raises as above."""
    if not staged.entry.tally.resendable_rows:
        return {}
    data, columns = _read_part(prepared, staged.entry), prepared.outcome_columns
    return rejected_rows(data, staged.entry, outcome_columns=columns)


def _latest_editions(prepared: Prepared, parts: Iterable[int]) -> dict[int, int]:
    editions: dict[int, int] = {}
    wanted = frozenset(parts)
    for name in prepared.store.list(prepared.names.parts_prefix):
        part, edition = parse_part_name(name) or (None, 0)
        if part in wanted:
            editions[part] = max(edition, editions.get(part, 0))
    return editions


def _read_part(prepared: Prepared, entry: PartEntry) -> bytes:
    name = entry.staged_name
    data = prepared.store.read(name, bytes_max=PART_BYTES_MAX)
    if data is None:
        # Absent after it was listed: the store contradicts itself. To count it as absent would
        # send all its rows again, so the attempt ends instead.
        raise _gone_part(prepared, name)
    return data


def _gone_part(prepared: Prepared, name: str) -> StoreUnavailable:
    return StoreUnavailable(f"{prepared.store.uri(name)} was listed, but cannot be read.")
