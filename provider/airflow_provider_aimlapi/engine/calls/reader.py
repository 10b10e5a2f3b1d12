"""Read shards, and hand the rows to the feed that neither an earlier answer nor a null decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import Reason, rejected, skipped
from airflow_provider_aimlapi.core.calls.template import UnreadableRow
from airflow_provider_aimlapi.core.durable.keys import request_hash
from airflow_provider_aimlapi.engine.durable.earlier_attempts import known_outcomes
from airflow_provider_aimlapi.engine.row import Row
from airflow_provider_aimlapi.engine.runtime.retry import persist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.calls.template import RowTexts
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.durable.earlier_answers import Remains
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


class Reader:
    """A row source: the input's shards in order, without those that have a durable part.

    Args:
        remains: what earlier attempts left; the outcomes themselves are read with the shard, because
            they may be many.
    """

    def __init__(self, prepared: Prepared, remains: Remains, clock: Clock) -> None:
        self.rows_max = prepared.plan.rows
        self._prepared = prepared
        self._remains = remains
        self._asks_rejected = remains.asks_rejected
        self._durable = frozenset(entry.part for entry in remains.parts)
        self._clock = clock

    async def feed_rows(self, feed: Feed, collector: Collector) -> None:
        """Read all shards without a durable part, as fast as feed and collector have room."""
        for shard in self._prepared.plan.shards:
            if shard.part in self._durable:
                continue
            await collector.open(shard)
            await self._read_shard(shard, feed, collector)
        feed.finish()

    async def _read_shard(self, shard: Shard, feed: Feed, collector: Collector) -> None:
        known = await persist(
            self._clock, known_outcomes, self._prepared, self._remains, shard, self._clock
        )
        first = 0
        batch, batches = await persist(self._clock, self._first_rows, shard)
        while batch is not None:
            rows = self._undecided(collector, shard, first, batch, known)
            first += len(batch)
            if rows:
                await feed.fill(rows)
            batch = await self._clock.in_thread(next, batches, None)

    def _first_rows(self, shard: Shard) -> tuple[list[RowTexts] | None, Iterator[list[RowTexts]]]:
        """Begin to read a shard. All requests to the store are made before its first rows come."""
        batches = self._prepared.data_set.checked_rows(shard, self._prepared.maker.columns)
        return next(batches, None), batches

    def _undecided(
        self,
        collector: Collector,
        shard: Shard,
        first: int,
        batch: list[RowTexts],
        known: dict[int, Outcome],
    ) -> list[Row]:
        """The rows of a batch that must be asked; the others go to the collector."""
        rows: list[Row] = []
        for index, texts in enumerate(batch, start=first):
            decided = self._decide_unasked(index, texts)
            if decided is not None:
                collector.add(shard.part, decided)
                continue
            body = self._prepared.maker.body(texts)  # type: ignore[arg-type]  # no null is left
            name = request_hash(body)
            paid = known.get(index)
            if paid is not None and paid.status == "rejected":
                paid = self._remains.with_later_cost(shard.part, paid)
            if paid is not None and paid.request_hash == name and not self._is_asked_again(paid):
                collector.reuse(shard.part, paid)
                continue
            row = Row(part=shard.part, row=index, body=body, request_hash=name)
            self._remains.remind(row)
            if paid is not None and paid.status == "rejected":
                row.unread_cost_nano_usd = paid.cost_nano_usd or 0
            rows.append(row)
        return rows

    def _is_asked_again(self, paid: Outcome) -> bool:
        return self._asks_rejected and paid.status == "rejected"

    def _decide_unasked(self, index: int, texts: RowTexts) -> Outcome | None:
        if isinstance(texts, UnreadableRow):
            now_us = self._clock.wall_us()
            return rejected(
                Reason(texts.reason, texts.reason),
                row=index,
                attempts=0,
                request_hash=None,
                completed_at_us=now_us,
            )
        if None in texts:
            column = self._prepared.maker.columns[texts.index(None)]
            return skipped(f"null in column '{column}'", row=index)
        return None
