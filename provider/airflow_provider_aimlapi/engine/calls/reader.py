"""Read shards, and hand the rows to the feed that no earlier answer and no null decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.engine.durable.paid_answers import PaidAnswers
from airflow_provider_aimlapi.engine.reuse.earlier_runs import find_earlier_runs
from airflow_provider_aimlapi.engine.reuse.recent_answers import TABLE_ROWS
from airflow_provider_aimlapi.engine.reuse.reused_answers import ReusedAnswers
from airflow_provider_aimlapi.engine.row import Row
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.core.prompts.template import RowTexts
    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
    from airflow_provider_aimlapi.engine.world import World


ROWS_BACK = TABLE_ROWS
"""The most answers of earlier attempts that are read before the first row. That takes some seconds, and
more would push the nearest ones out."""


class Reader:
    """A row source: the input's shards in order, without those that have a durable part."""

    def __init__(self, prepared: Prepared, earlier: EarlierAnswers, world: World) -> None:
        self.rows_max = prepared.plan.rows
        self._prepared = prepared
        self._paid = PaidAnswers(prepared, earlier, world.clock)
        self._durable = frozenset(entry.part for entry in earlier.parts)
        self._world = world
        self._clock = world.clock

    async def feed_rows(self, feed: Feed, collector: Collector) -> None:
        """Read all shards without a durable part, as fast as feed and collector have room."""
        shards = [shard for shard in self._prepared.plan.shards if shard.part not in self._durable]
        try:
            if shards:
                await self._world.scan(self._note_paid, collector.duplicates, shards[0])
                self._paid.elsewhere = await self._find_reused()
            for shard in shards:
                await collector.open_shard(shard, feed.wake)
                await self._read_shard(shard, feed, collector)
        finally:
            # Also after an error: it deletes a temporary file, and ends a search that runs in a
            # thread.
            self._paid.elsewhere.close_searches()
            collector.duplicates.close()
        feed.note_all_read()

    def _note_paid(self, duplicates: Duplicates, first: Shard) -> None:
        """Note the answers of this run's other parts, so that no request is paid for again."""
        if self._prepared.job.ask_once:
            check = self._world.stop.raise_if_requested
            duplicates.add_all_earlier(self._paid.read_around(first, ROWS_BACK, check))

    async def _find_reused(self) -> ReusedAnswers:
        """Choose the earlier runs whose answers are taken. An attempt without open rows needs none."""
        world, prepared = self._world, self._prepared
        check = world.stop.raise_if_requested
        runs = await world.scan(find_earlier_runs, prepared, world.open_store, world.clock, check)
        return ReusedAnswers(runs, prepared.run_plan, prepared.validator)

    async def _read_shard(self, shard: Shard, feed: Feed, collector: Collector) -> None:
        # Repeated like a write, because an answer that is not found here would be paid for again.
        await persist_in_thread(self._clock, self._paid.read_part, shard)
        first = 0
        batch, batches = await persist_in_thread(self._clock, self._first_rows, shard)
        while batch is not None:
            rows = collector.duplicates.admit(
                self._undecided_rows(shard.part, first, batch, collector)
            )
            first += len(batch)
            if rows and self._paid.elsewhere.may_be_some:
                rows = await self._without_reused(shard, rows, collector)
            if rows:
                await feed.add_rows(rows)
            # One batch at a time, and only once the feed has taken the last: that bounds the
            # memory of an attempt.
            batch = await self._clock.in_thread(next, batches, None)

    def _first_rows(self, shard: Shard) -> tuple[list[RowTexts] | None, Iterator[list[RowTexts]]]:
        """Begin to read a shard. All requests to the store are made before its first rows come."""
        batches = self._prepared.data_set.checked_rows(shard, self._prepared.maker.columns)
        return next(batches, None), batches

    def _undecided_rows(
        self, part: int, first: int, batch: list[RowTexts], collector: Collector
    ) -> list[Row]:
        """Return the rows of a batch that this run has not decided. Keep the others' outcomes."""
        rows: list[Row] = []
        for index, texts in enumerate(batch, start=first):
            row = self._prepared.maker.make_row(part, index, texts, self._clock)
            if not isinstance(row, Row):
                collector.keep_outcome(part, row)
                continue
            paid = self._paid.find_outcome(part, index, row.request_hash)
            if paid is not None:
                collector.keep_earlier(part, paid)
                collector.duplicates.add_earlier(part, paid)
                continue
            self._paid.restore_history(row)
            rows.append(row)
        return rows

    async def _without_reused(
        self, shard: Shard, rows: list[Row], collector: Collector
    ) -> list[Row]:
        """Return the rows that no earlier run has answered. Keep the others' outcomes.

        Their history was restored before, because it contains what this run has paid for them.
        """
        found = await self._clock.in_thread(self._paid.elsewhere.find_outcomes, shard, rows)
        for row in rows:
            if (outcome := found.get(row.row)) is not None:
                collector.keep_outcome(shard.part, outcome)
                collector.duplicates.decided(row, outcome)
        return [row for row in rows if row.row not in found]
