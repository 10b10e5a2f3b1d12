"""Read what is known of a run before it continues: its input and earlier answers. Blocking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import COMPLETION_STATUSES, RESENT_STATUSES
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.money.estimate import AnsweredRow, EstimateBasis
from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
from airflow_provider_aimlapi.engine.durable.earlier_attempts import (
    find_earlier_answers,
    read_journaled_rows,
)
from airflow_provider_aimlapi.engine.estimate.excerpt import read_excerpt
from airflow_provider_aimlapi.engine.reuse.earlier_runs import find_earlier_runs
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers
from airflow_provider_aimlapi.engine.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.estimate.excerpt import Excerpt
    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.reuse.earlier_runs import FoundRuns
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRows:
    """What is known of a run's rows.

    Attributes:
        prepared: the run.
        earlier: what earlier attempts left.
        shards: the shards without a durable part.
        excerpt: the input rows that were read.
        outcomes: what the journal decides of the excerpt's parts, by row position.
        reusable: the answers that other rows of the excerpt will take from earlier runs.
        duplicates: the rows of the excerpt that will take the answer to another row of it.
    """

    prepared: Prepared
    earlier: EarlierAnswers
    shards: list[Shard]
    excerpt: Excerpt
    outcomes: dict[tuple[int, int], Outcome]
    reusable: dict[tuple[int, int], Outcome]
    duplicates: frozenset[tuple[int, int]]

    @property
    def paid_nano_usd(self) -> int:
        """Return what the run has cost so far."""
        if self.prepared.manifest is not None:
            return self.prepared.manifest.tally.cost_nano_usd
        return self.earlier.spent_nano_usd()

    @property
    def rows_open(self) -> int:
        """Return the rows of shards without a durable part."""
        return sum(shard.rows for shard in self.shards)

    @property
    def kept_answers(self) -> int:
        """Return the number of kept answers, read or not."""
        return self._tally_of_kept().paid_answers

    @property
    def not_sent(self) -> frozenset[tuple[int, int]]:
        """Return the rows of the excerpt that need no call."""
        return frozenset(self.outcomes) | frozenset(self.reusable) | self.duplicates

    def basis_of_estimate(self) -> EstimateBasis:
        """Return all of it as numbers."""
        prepared, earlier, excerpt = self.prepared, self.earlier, self.excerpt
        decided, _ = earlier.rows_decided()
        outcomes, tally = self.outcomes, self._tally_of_kept()
        sizes = excerpt.text_bytes
        return EstimateBasis(
            rows=prepared.plan.rows,
            rows_decided=prepared.plan.rows if prepared.manifest is not None else decided,
            rows_open=self.rows_open,
            known_open=sum(self._rows_that_stay(tally) for tally in self._journaled_tallies()),
            asked_again=_asked_again(earlier),
            rows_read=excerpt.rows,
            nulls=excerpt.nulls,
            unreadable=excerpt.unreadable,
            reusable=len(self.reusable),
            reusable_nano_usd=sum(one.saved_nano_usd or 0 for one in self.reusable.values()),
            duplicates=len(self.duplicates),
            text_bytes=[size for position, size in sizes.items() if position not in self.not_sent],
            measured=[
                found
                for position, outcome in outcomes.items()
                if position in sizes
                and (found := _measured_answer(sizes[position], outcome)) is not None
            ],
            answers=tally.paid_answers,
            answers_prompt_tokens=tally.prompt_tokens,
            answers_completion_tokens=tally.completion_tokens,
            paid_nano_usd=self.paid_nano_usd,
        )

    def _tally_of_kept(self) -> Tally:
        """Return the sums of all kept answers."""
        staged = (*self.earlier.parts, *(found.entry for found in self.earlier.reopened.values()))
        total = Tally()
        for entry in staged:
            total += entry.tally
        for tally in self._journaled_tallies():
            total += tally
        return total

    def _journaled_tallies(self) -> Iterator[Tally]:
        """Return the sums of what the journal decides of open shards."""
        open_parts = {shard.part for shard in self.shards}
        return (tally for part, tally in self.earlier.journaled.items() if part in open_parts)

    def _rows_that_stay(self, tally: Tally) -> int:
        return tally.rows - (tally.resendable_rows if self.earlier.resends_rejected else 0)


def read_known(
    prepared: Prepared,
    open_store: Callable[[OpenLocation], ObjectStore],
    clock: Clock,
    check: Check,
    *,
    has_begun: bool,
    retry_rejected: bool,
) -> KnownRows:
    """Read an excerpt of the input, and what earlier attempts and earlier runs left.

    Args:
        check: called before each request; raises to end the scan.
        has_begun: whether an attempt has stored the plan, and so may have left answers.
        retry_rejected: as for a run.

    Raises:
        InputUnreadable, StorageError: as for a run.
    """
    if prepared.manifest is not None:
        earlier, shards = _no_earlier_answers(), []
    else:
        earlier = _no_earlier_answers()
        # Without a stored plan no attempt can have left anything, so nothing is listed.
        if has_begun:
            earlier = find_earlier_answers(prepared, clock, retry_rejected=retry_rejected)
        durable = {entry.part for entry in earlier.parts} | set(earlier.reopened)
        shards = [shard for shard in prepared.plan.shards if shard.part not in durable]
    excerpt = read_excerpt(prepared, shards, clock)
    outcomes = read_journaled_rows(
        prepared, earlier, {part for part, _ in excerpt.text_bytes}, clock
    )
    decided = {
        position: outcome
        for position, outcome in outcomes.items()
        if not (outcome.status in RESENT_STATUSES and earlier.resends_rejected)
    }
    runs = find_earlier_runs(prepared, open_store, clock, check, is_read_only=True)
    reusable = _reusable_answers(runs, prepared, excerpt, decided)
    return KnownRows(
        prepared=prepared,
        earlier=earlier,
        shards=shards,
        excerpt=excerpt,
        outcomes=decided,
        reusable=reusable,
        duplicates=_duplicates(prepared, excerpt, decided, reusable),
    )


def _reusable_answers(
    runs: FoundRuns, prepared: Prepared, excerpt: Excerpt, decided: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Outcome]:
    """Return the answers that rows of the excerpt will take from earlier runs, if they lie nearby."""
    wanted: dict[int, list[Row]] = {}
    for (part, row), request_hash in excerpt.hashes.items():
        if (part, row) not in decided:
            undecided = Row(part=part, row=row, body=b"", request_hash=request_hash)
            wanted.setdefault(part, []).append(undecided)
    # Nearby only, because a table of all answers would take longer than the rest of the estimate.
    answers = ReusedAnswers(runs, prepared.run_plan, searches_all=False)
    found: dict[tuple[int, int], Outcome] = {}
    for shard in prepared.plan.shards:
        if rows := wanted.get(shard.part):
            outcomes = answers.find_outcomes(shard, rows)
            found |= {(shard.part, row): outcome for row, outcome in outcomes.items()}
    return found


def _duplicates(
    prepared: Prepared,
    excerpt: Excerpt,
    decided: Mapping[tuple[int, int], Outcome],
    reusable: Collection[tuple[int, int]],
) -> frozenset[tuple[int, int]]:
    """Return the rows of the excerpt that will take the answer to another row of it."""
    if not prepared.job.ask_once:
        return frozenset()
    seen = {one.request_hash for one in decided.values() if one.status in COMPLETION_STATUSES}
    found: list[tuple[int, int]] = []
    for position, request_hash in sorted(excerpt.hashes.items()):
        if position in decided or position in reusable:
            continue
        if request_hash in seen:
            found.append(position)
        seen.add(request_hash)
    return frozenset(found)


def _no_earlier_answers() -> EarlierAnswers:
    return EarlierAnswers(
        parts=(),
        reopened={},
        segments={},
        journaled={},
        unread={},
        failed={},
        interim={},
        resends_rejected=False,
        charges_nano_usd={},
    )


def _asked_again(earlier: EarlierAnswers) -> int:
    """Return how many rejected rows of durable parts will be sent again."""
    if not earlier.resends_rejected:
        return 0
    return sum(
        found.entry.tally.resendable_rows - earlier.journaled.get(part, Tally()).rows
        for part, found in earlier.reopened.items()
    )


def _measured_answer(text_bytes: int, outcome: Outcome) -> AnsweredRow | None:
    """Return an answer's figures; None if it does not report its tokens."""
    if outcome.prompt_tokens is None or outcome.completion_tokens is None or not text_bytes:
        return None
    return AnsweredRow(
        text_bytes=text_bytes,
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
        cost_nano_usd=outcome.cost_nano_usd,
    )
