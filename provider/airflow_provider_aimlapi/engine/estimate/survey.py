"""What can be known of a run by reading: its input, and what earlier attempts left. Blocking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.money.estimate import AnsweredRow, Evidence
from airflow_provider_aimlapi.engine.durable.earlier_answers import Remains
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_remains, known_rows
from airflow_provider_aimlapi.engine.estimate.excerpt import read_excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.estimate.excerpt import Excerpt
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was read of a run: its input, and what earlier attempts left.

    Attributes:
        shards: those without a durable part.
        outcomes: what the journal decides of the excerpt's parts, by part and row.
    """

    prepared: Prepared
    remains: Remains
    shards: list[Shard]
    excerpt: Excerpt
    outcomes: dict[tuple[int, int], Outcome]

    @property
    def paid_nano_usd(self) -> int:
        """What the run has cost so far."""
        if self.prepared.manifest is not None:
            return self.prepared.manifest.tally.cost_nano_usd
        return self.remains.spent_nano_usd()

    @property
    def rows_open(self) -> int:
        """Rows of shards without a durable part."""
        return sum(shard.rows for shard in self.shards)

    @property
    def answers(self) -> int:
        """Kept answers, read or not."""
        return self._tally().completed

    def evidence(self) -> Evidence:
        """All of it as numbers."""
        prepared, remains, excerpt = self.prepared, self.remains, self.excerpt
        decided, _ = remains.rows_decided()
        outcomes, tally = self.outcomes, self._tally()
        sizes = excerpt.text_bytes
        return Evidence(
            rows=prepared.plan.rows,
            rows_decided=prepared.plan.rows if prepared.manifest is not None else decided,
            rows_open=self.rows_open,
            known_open=sum(self._stays(tally) for tally in self._journaled()),
            asked_again=_asked_again(remains),
            rows_read=excerpt.rows,
            nulls=excerpt.nulls,
            unreadable=excerpt.unreadable,
            text_bytes=[size for place, size in sizes.items() if place not in outcomes],
            measured=[
                found
                for place, outcome in outcomes.items()
                if place in sizes and (found := _measured(sizes[place], outcome)) is not None
            ],
            answers=tally.completed,
            answers_prompt_tokens=tally.prompt_tokens,
            answers_completion_tokens=tally.completion_tokens,
            paid_nano_usd=self.paid_nano_usd,
        )

    def _tally(self) -> Tally:
        """Kept answers that tell their tokens, added up."""
        staged = (*self.remains.parts, *(found.entry for found in self.remains.reopened.values()))
        total = Tally()
        for entry in staged:
            total += entry.tally
        for tally in self._journaled():
            total += tally
        return total

    def _journaled(self) -> Iterator[Tally]:
        """What the journal decides of open shards."""
        open_parts = {shard.part for shard in self.shards}
        return (tally for part, tally in self.remains.journaled.items() if part in open_parts)

    def _stays(self, tally: Tally) -> int:
        return tally.rows - (tally.rejected if self.remains.asks_rejected else 0)


def look(prepared: Prepared, clock: Clock, *, has_begun: bool, retry_rejected: bool) -> Known:
    """Read what there is to know.

    Args:
        has_begun: whether an attempt has settled the plan, and so may have left something.
        retry_rejected: as for a run.

    Raises:
        InputUnreadable, StorageError: as for a run.
    """
    if prepared.manifest is not None:
        remains, shards = _nothing(), []
    else:
        remains = _nothing()
        if has_begun:
            remains = find_remains(prepared, clock, retry_rejected=retry_rejected)
        durable = {entry.part for entry in remains.parts} | set(remains.reopened)
        shards = [shard for shard in prepared.plan.shards if shard.part not in durable]
    excerpt = read_excerpt(prepared, shards, clock)
    outcomes = known_rows(prepared, remains, {part for part, _ in excerpt.text_bytes}, clock)
    return Known(
        prepared=prepared,
        remains=remains,
        shards=shards,
        excerpt=excerpt,
        outcomes={
            place: outcome
            for place, outcome in outcomes.items()
            if not (outcome.status == "rejected" and remains.asks_rejected)
        },
    )


def _nothing() -> Remains:
    return Remains(
        parts=(),
        reopened={},
        segments={},
        journaled={},
        unread={},
        failed={},
        asks_rejected=False,
        charges_nano_usd={},
    )


def _asked_again(remains: Remains) -> int:
    """Rejected rows of durable parts that will be asked again."""
    if not remains.asks_rejected:
        return 0
    return sum(
        found.entry.tally.rejected - remains.journaled.get(part, Tally()).rows
        for part, found in remains.reopened.items()
    )


def _measured(text_bytes: int, outcome: Outcome) -> AnsweredRow | None:
    """An answer that tells its tokens."""
    if outcome.prompt_tokens is None or outcome.completion_tokens is None or not text_bytes:
        return None
    return AnsweredRow(
        text_bytes=text_bytes,
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
        cost_nano_usd=outcome.cost_nano_usd,
    )
