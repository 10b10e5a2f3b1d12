"""Read what earlier attempts of a run have left: durable parts, and the journal of open ones. Blocking.

There may be millions of answers, so only sums are kept for all parts. The answers of one part are
read when the part's rows are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.segments import uncovered_segments
from airflow_provider_aimlapi.engine.durable.earlier_answers import (
    EarlierAnswers,
    News,
    Room,
    news_of,
)
from airflow_provider_aimlapi.engine.durable.staged_parts import (
    latest_part,
    staged_parts,
    stored_outcomes,
    stored_rejections,
)
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.runs.journal_store import (
    SegmentGone,
    epoch_of,
    list_again,
    list_segments,
    replay_segments,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.manifest import Tally
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

log = logger(__name__)

PARTS_READ = 4
"""Parts whose journals are read at once. Each may need as much memory as `KEPT_BYTES_MAX`."""
LISTED_AGAIN_MAX = 3
"""Listings of a part after one of its segments was gone, because an attempt at work may have merged it."""


def find_earlier_answers(
    prepared: Prepared, clock: Clock, *, retry_rejected: bool
) -> EarlierAnswers:
    """Read what earlier attempts have left.

    Args:
        retry_rejected: whether rows that they rejected are sent again.

    Raises:
        JournalUnreadable: a part is not what its name says.
        StoreUnavailable: an object exists and cannot be read; it does not count as absent.
    """
    prepared = replace(prepared, store=patient_store(prepared.store, clock))
    parts = None if prepared.share is None else [shard.part for shard in prepared.plan.shards]
    # The journal first: an older attempt may wake, write a part and remove its segments between the two
    # listings. Answers in neither listing would be paid for again.
    segments = list_segments(prepared.store, prepared.names, parts, clock.map_in_threads)
    staged = staged_parts(prepared, clock)

    def read_journal_of(shard: Shard) -> _Journaled:
        names, part = segments[shard.part], staged.get(shard.part)
        return _read_journal(prepared, shard, names, part, clock, has_texts=False)

    # Without segments, a part is what its footer says, or has no answer yet.
    open_shards = [shard for shard in prepared.plan.shards if shard.part in segments]
    found = {
        shard.part: journaled
        for shard, journaled in zip(
            open_shards, clock.map_in_threads(read_journal_of, open_shards, PARTS_READ), strict=True
        )
    }
    # A part may have become durable while its journal was read. That edition replaces the listed
    # one.
    staged |= {part: one.staged for part, one in found.items() if one.staged is not None}
    journaled = {
        part: tally for part, one in found.items() if (tally := one.news.tally_of_rows()).rows
    }
    resends_rejected = retry_rejected or _is_all_rejected(staged.values(), journaled.values())
    charges = {part: tuple(one.news.charges_beyond_part()) for part, one in found.items()}
    reopened = _reopened_parts(staged, journaled, charges, resends_rejected=resends_rejected)
    earlier = EarlierAnswers(
        parts=tuple(one.entry for part, one in staged.items() if part not in reopened),
        reopened=reopened,
        segments=segments,
        journaled=journaled,
        unread={
            part: {
                row: unread.as_forgiven() if retry_rejected and unread.is_used_up else unread
                for row, unread in one.news.unread.items()
            }
            for part, one in found.items()
        },
        failed={part: one.news.failed for part, one in found.items()},
        interim={part: one.news.interim for part, one in found.items()},
        resends_rejected=resends_rejected,
        charges_nano_usd=charges,
    )
    _log_earlier(earlier)
    return earlier


def read_outcomes(
    prepared: Prepared, earlier: EarlierAnswers, shard: Shard, clock: Clock
) -> dict[int, Outcome]:
    """Read what earlier attempts have decided of a shard's rows. Later decisions count.

    Interim answers get their texts in `earlier.interim`. If an older attempt has finished a part meanwhile, and any of its rows is sent again, the part is
    added to `earlier.reopened`.

    Raises:
        As `find_earlier_answers`.
    """
    segments, before = earlier.segments.get(shard.part, []), earlier.reopened.get(shard.part)
    if not segments and before is None:
        return {}
    prepared = replace(prepared, store=patient_store(prepared.store, clock))
    found = _read_journal(prepared, shard, segments, before, clock, has_texts=True)
    journaled = {outcome.row: outcome for outcome in found.news.outcomes}
    # The journal was read once before, without texts. Now the answers have them.
    earlier.interim[shard.part] = found.news.interim
    if found.staged is None:
        return journaled
    # An older attempt has staged the part since the listing. Its rows are decided by that part now.
    if found.staged is not before:  # its sum includes what was unread before it
        earlier.unread[shard.part] = found.news.unread
    if found.staged.entry.tally.resendable_rows and earlier.resends_rejected:
        earlier.reopened[shard.part] = found.staged
    return stored_outcomes(prepared, found.staged.entry) | journaled


def read_journaled_rows(
    prepared: Prepared, earlier: EarlierAnswers, parts: Collection[int], clock: Clock
) -> dict[tuple[int, int], Outcome]:
    """Read what the journal decides of some parts, by part and row. Raises as `find_earlier_answers`."""
    return {
        (shard.part, row): outcome
        for shard in prepared.plan.shards
        if shard.part in parts
        if shard.part in earlier.journaled or earlier.interim.get(shard.part)
        for row, outcome in read_outcomes(prepared, earlier, shard, clock).items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journaled:
    """What a part and its journal contain.

    Attributes:
        staged: the durable part; None if there is none.
        news: what the journal contains beyond it.
    """

    staged: StagedPart | None
    news: News


def _read_journal(
    prepared: Prepared,
    shard: Shard,
    segments: list[str],
    staged: StagedPart | None,
    clock: Clock,
    *,
    has_texts: bool,
) -> _Journaled:
    """Read the segments that are newer than a part, or all if it is not durable.

    If a segment is gone, the part or a newer edition has become durable since the listing. Otherwise
    the segment may have been merged, and `segments` gets the names of a new listing.
    """
    # Each round needs another attempt that merged or staged in between, so a few rounds are enough.
    # The last read is outside the loop, so that its error reaches the caller.
    for _ in range(LISTED_AGAIN_MAX):
        try:
            return _read_listed(prepared, shard, segments, staged, clock, has_texts=has_texts)
        except SegmentGone:
            later = latest_part(prepared, shard)
            if later is not None and (staged is None or later.epoch > staged.epoch):
                staged = later
            else:
                segments[:] = list_again(
                    prepared.store, prepared.names, shard.part, segments, clock.map_in_threads
                )
    return _read_listed(prepared, shard, segments, staged, clock, has_texts=has_texts)


def _read_listed(
    prepared: Prepared,
    shard: Shard,
    segments: list[str],
    staged: StagedPart | None,
    clock: Clock,
    *,
    has_texts: bool,
) -> _Journaled:
    """Read the news of these segments about a part. Raises `SegmentGone` if one is gone."""
    # 1. Segments up to the part's epoch are in the part, because its attempt read them first.
    # 2. A part without rejected rows is final, so newer segments cannot change it.
    # 3. Otherwise newer segments may answer rejected rows. Their costs in the part are known then.
    newer = uncovered_segments(segments)
    if staged is not None:
        newer = [name for name in newer if epoch_of(name) > staged.epoch]
    if staged is not None and not (newer and staged.entry.tally.resendable_rows):
        return _Journaled(staged=staged, news=News(charged={}))
    room = Room(uri=prepared.store.uri(prepared.names.segments_of(shard.part)), has_texts=has_texts)
    charged = {} if staged is None else stored_rejections(prepared, staged)
    records = replay_segments(prepared.store, newer, clock.map_in_threads)
    return _Journaled(staged=staged, news=news_of(records, shard, staged, charged, room))


def _reopened_parts(
    staged: Mapping[int, StagedPart],
    journaled: Collection[int],
    charges: Mapping[int, tuple[int | None, ...]],
    *,
    resends_rejected: bool,
) -> dict[int, StagedPart]:
    """Return the durable parts that get a later edition."""
    # A part is reopened if its rejected rows are sent again, or if the journal holds answers or
    # costs for them that no edition includes yet. Otherwise its rejections stay as they are.
    return {
        part: one
        for part, one in staged.items()
        if one.entry.tally.resendable_rows
        and (resends_rejected or part in journaled or any(charges.get(part, ())))
    }


def _is_all_rejected(staged: Iterable[StagedPart], journaled: Iterable[Tally]) -> bool:
    """Return whether no row was ever answered, because then the set-up was wrong, not the rows.

    A refusal costs nothing, so the rows are sent again, in case the set-up was fixed.
    """
    return not any(one.entry.tally.completed_rows for one in staged) and all(
        tally.rejected == tally.rows for tally in journaled
    )


def _log_earlier(earlier: EarlierAnswers) -> None:
    """Log what earlier attempts have decided."""
    decided, again = earlier.rows_decided()
    if decided:
        log.info("%s rows were decided earlier and are not sent again.", f"{decided:,}")
    if again:
        log.info("%s rows were rejected earlier and are sent again.", f"{again:,}")
