"""Keep what was paid for: outcomes by shard, journal segments by group commit, whole parts.

A row counts once the journal segment that holds it is durable. A part replaces its shard's
segments, which are then removed beside the work. A removal that fails is harmless.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import RESENT_STATUSES
from airflow_provider_aimlapi.core.durable.bounds import SHARD_ROWS_MAX
from airflow_provider_aimlapi.core.durable.object_sizes import PART_BYTES_MAX
from airflow_provider_aimlapi.core.reporting.measures import OutcomeCounts
from airflow_provider_aimlapi.core.verdicts.rejections import Rejections
from airflow_provider_aimlapi.core.verdicts.truncations import Truncations
from airflow_provider_aimlapi.engine.durable.staged_parts import describe_part, stored_part
from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
from airflow_provider_aimlapi.engine.runtime.companions import run_beside
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    InvalidSpec,
    StorageError,
    StoreUnavailable,
    TooManyRejections,
    TooManyTruncations,
)
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.durable.journal_upkeep import JournalUpkeep
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.runtime.ending import Ending
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

log = logger(__name__)

OPEN_ROWS_MAX = 4 * SHARD_ROWS_MAX
"""The most rows of open shards. One slow row may hold them back, and all of them need memory."""

REFUSED_PAUSE_S_MAX = 10.0
"""The longest pause between two tries to write a journal that the store refuses. The run is ending, and
its calls in flight return meanwhile."""

REASON_UNKNOWN = "It was rejected by an earlier attempt. The log of that attempt shows the reason."
"""The row's part holds only the full reason, which may quote the row."""


@dataclass(slots=True, kw_only=True)
class OpenShard:
    """A shard whose part is not durable yet, and its outcomes so far."""

    shard: Shard
    outcomes: list[Outcome | None]
    undecided: int = field(init=False)

    def __post_init__(self) -> None:
        self.undecided = len(self.outcomes)

    @property
    def has_duplicates(self) -> bool:
        """Whether a row has the outcome of another one, perhaps of another shard."""
        return any(outcome is not None and outcome.same_as for outcome in self.outcomes)


class Collector:
    """Collects outcomes.

    Attributes:
        rows_done: the rows decided so far, those of earlier attempts included.
        rows_reused: those of them that earlier attempts decided.
        parts: the durable parts.
        counts: the decided rows by status, and their tokens.
        counts_reused: the same of the rows that earlier attempts decided.
        duplicates: finds rows that make the same request.
    """

    def __init__(
        self,
        prepared: Prepared,
        upkeep: JournalUpkeep,
        *,
        settings: Settings,
        ending: Ending,
        clock: Clock,
    ) -> None:
        self.rows_done = self.rows_reused = 0
        self.parts: list[PartEntry] = []
        self.counts = OutcomeCounts()
        self.counts_reused = OutcomeCounts()
        self.duplicates = Duplicates(
            is_on=prepared.job.ask_once,
            rows=prepared.plan.rows,
            validator=prepared.validator,
            keep=self.keep_outcome,
        )
        self._prepared = prepared
        self._upkeep = upkeep  # merges and removes segments
        self._segments = upkeep.journal
        self._settings = settings
        # Of a share, the limits are those of the whole run.
        self._rejections = Rejections(allowed=settings.rejections_allowed(prepared.run_plan.rows))
        self._truncations = Truncations(
            allowed=settings.truncations_allowed(prepared.run_plan.rows)
        )
        self._ending = ending
        self._clock = clock.reserved
        self._reopened: Mapping[int, StagedPart] = {}  # parts that get a later edition
        self._open: dict[int, OpenShard] = {}  # by part
        self._open_rows = 0  # rows of all open shards
        self._shard_room = Waiters()  # the reader, until there is room for a shard
        self._whole: asyncio.Queue[OpenShard | None] = asyncio.Queue()  # to be staged; None ends it
        self._replaced: list[StagedPart] = []  # durable parts whose segments are still there
        self._pending: list[tuple[int, Record]] = []  # for the next group commit, by part
        self._failed: dict[int, dict[int, Record]] = {}  # rows that fail so far, by part and row
        self._unflushed = 0  # paid answers that are not durable yet
        self._at_risk_max = settings.at_risk_max
        self._flushing = asyncio.Lock()  # one group commit at a time
        self._flusher = Waiters()  # the journal keeper, until a segment is full
        self._finisher = Waiters()  # the journal keeper, in a pause after a refusal
        self._on_durable: Callable[[], None] = lambda: None  # called when calls may continue
        self._is_finishing = False
        self._last_failure: AimlapiError | None = None  # of the journal keeper's last write
        self._has_logged_bug = False

    def take_over(self, earlier: EarlierAnswers) -> None:
        """Count the parts that earlier attempts have made durable.

        Raises:
            JournalUnreadable: as `JournalStore.take_over`.
        """
        self._segments.take_over(earlier.segments)
        self.parts.extend(earlier.parts)
        # Rows of reopened parts are counted when the reader gives their outcomes back.
        self._reopened = earlier.reopened
        tallies = [entry.tally for entry in earlier.parts]
        rows = sum(tally.rows for tally in tallies)
        self.rows_done += rows
        self.rows_reused += rows
        for tally in tallies:
            self.counts.add_tally(tally)
            self.counts_reused.add_tally(tally)
        reason = self._rejections.take_over(sum(tally.resendable_rows for tally in tallies))
        if reason is not None:
            self._ending.end_admission(TooManyRejections(reason))
        self._count_truncated(sum(tally.truncated for tally in tallies))

    async def open_shard(self, shard: Shard, on_full: Callable[[], None]) -> None:
        """Open a shard for its outcomes, once few enough rows are open.

        Args:
            on_full: called before each wait.
        """
        while self._open and self._open_rows + shard.rows > OPEN_ROWS_MAX:
            on_full()
            await self._shard_room.wait_for_wake()
        self.open_shard_now(shard)

    def is_stuck(self) -> bool:
        """Return whether the reader waits for room, and each open shard for a row that must be sent."""
        return bool(self._shard_room) and all(state.undecided for state in self._open.values())

    def open_shard_now(self, shard: Shard) -> None:
        """Open a shard even if many rows are open: for a sample, which decides few rows of it."""
        self._open_rows += shard.rows
        state = OpenShard(shard=shard, outcomes=[None] * shard.rows)
        self._open[shard.part] = state
        if shard.rows == 0:
            self._whole.put_nowait(state)

    def keeps_up(self, in_flight: int) -> bool:
        """Return whether few enough paid answers are not durable yet for one more call."""
        return self._unflushed + in_flight < self._at_risk_max

    @property
    def rejections_left(self) -> int:
        """Return how many more rows may be rejected before the run ends."""
        return max(0, self._rejections.allowed - self._rejections.rows)

    def keep_outcome(self, part: int, outcome: Outcome, record: Record | None = None) -> None:
        """Keep an outcome; with a record, journal it."""
        if record is not None:
            self.journal_record(part, record)
        # Later attempts must not count failures of a row that is decided.
        self._failed.get(part, {}).pop(outcome.row, None)
        self._count_outcome(outcome)
        state = self._open[part]
        state.outcomes[outcome.row] = outcome
        state.undecided -= 1
        if state.undecided == 0:
            self._whole.put_nowait(state)

    def journal_record(self, part: int, record: Record) -> None:
        """Add a record to the next group commit."""
        self._pending.append((part, record))
        self._unflushed += 1
        if len(self._pending) >= self._settings.unflushed_rows_max:
            self._flusher.wake_first()

    def note_failed(self, part: int, record: Record) -> None:
        """Keep the failures of a row. They become durable with the next segment of its part."""
        self._failed.setdefault(part, {})[record.row] = record

    def keep_earlier(self, part: int, outcome: Outcome) -> None:
        """Keep an outcome that an earlier attempt has paid for and journaled."""
        self.rows_reused += 1
        self.counts_reused.add_outcome(outcome)
        self.keep_outcome(part, outcome)

    async def keep_durable(self, on_durable: Callable[[], None]) -> None:
        """Make durable what is collected, until `note_finished`. A store error ends the run, not this.

        Args:
            on_durable: called when there may be room for more calls.
        """
        self._on_durable = on_durable
        halt = self._ending.end_admission
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_beside(self._flush_always(tasks), "journal keeper", halt))
            tasks.create_task(run_beside(self._stage_always(), "writer of parts", halt))
        # Both tasks have ended, so these parts get no more segments.
        await self._upkeep.give_up(self._replaced)

    def note_finished(self) -> None:
        """Note that nothing more will be added."""
        self._is_finishing = True
        self._flusher.wake_first()
        self._finisher.wake_first()
        self._whole.put_nowait(None)

    async def flush_rest(self) -> None:
        """Make durable what `keep_durable` has left, because a bug may have ended it."""
        failure = self._last_failure
        if not isinstance(failure, StoreUnavailable):
            failure = await self._flush_or_halt()
        if failure is not None:
            log.error(
                "%d answers could not be kept, so they will be paid for again.", len(self._pending)
            )
            self._ending.end_without_keeping(failure)

    def _count_outcome(self, outcome: Outcome) -> None:
        self.rows_done += 1
        self.counts.add_outcome(outcome)
        if outcome.status in RESENT_STATUSES:
            too_many = self._rejections.count_rejection(outcome.reason or REASON_UNKNOWN)
            if too_many is not None:
                self._ending.end_admission(TooManyRejections(too_many))
        elif outcome.status == "truncated":
            self._count_truncated(1)

    def _count_truncated(self, rows: int) -> None:
        too_many = self._truncations.count_truncated(rows)
        if too_many is not None:
            self._ending.end_admission(TooManyTruncations(too_many))

    async def _flush_always(self, tasks: asyncio.TaskGroup) -> None:
        refusals = 0
        while not self._is_finishing:
            if refusals:
                await self._finisher.wait_for_wake(min(2.0**refusals, REFUSED_PAUSE_S_MAX))
            elif len(self._pending) < self._settings.unflushed_rows_max:
                await self._flusher.wait_for_wake(self._settings.flush_interval_s)
            # Counted before the write: a part that is staged during it may have records that come
            # with the next one.
            replaced = len(self._replaced)
            refusals = refusals + 1 if await self._flush_or_halt() else 0
            if replaced and not refusals:  # the last records of these parts are written
                tasks.create_task(self._upkeep.give_up(self._replaced[:replaced]))
                del self._replaced[:replaced]
            if not refusals:
                self._upkeep.begin_merging(tasks, list(self._open), self._is_growing)
        self._last_failure = await self._flush_or_halt()

    def _is_growing(self, part: int) -> bool:
        """Return whether a part is open and may get more segments."""
        return part in self._open and not self._is_finishing

    async def _flush_or_halt(self) -> AimlapiError | None:
        """Write a group commit; return why it failed, or None if all before it is durable."""
        try:
            async with self._flushing:
                await self._flush_pending()
        except Exception as error:  # noqa: BLE001  # a task that fails would cancel calls in flight
            failure = self._reason_of(error)
            self._ending.end_admission(failure)
            return failure
        return None

    async def _flush_pending(self) -> None:
        """Write one group commit: a segment for each part that has pending records.

        Failures of rows are written with them, and without them only at the end, because a segment
        for failures alone would cost a request for each part.
        """
        # New records may arrive during each write, so the pending list is taken first. After a failure,
        # what was not written goes back in front, and nothing is written twice.
        batch = self._pending
        self._pending = []
        by_part: dict[int, list[Record]] = {}
        for part, record in batch:
            by_part.setdefault(part, []).append(record)
        if self._is_finishing:
            by_part |= {part: [] for part, rows in self._failed.items() if rows} | by_part
        for part in list(by_part):
            failed = self._failed.pop(part, {})
            try:
                await persist_in_thread(
                    self._clock,
                    self._segments.append_records,
                    part,
                    [*by_part[part], *failed.values()],
                )
            except Exception:
                self._pending = [entry for entry in batch if entry[0] in by_part] + self._pending
                # A failure that was noted during the write is newer, so it wins.
                self._failed[part] = failed | self._failed.get(part, {})
                raise
            self._unflushed -= len(by_part.pop(part))
        if batch:
            self._on_durable()

    async def _stage_always(self) -> None:
        while (state := await self._whole.get()) is not None:
            # Without its original's charge, a duplicate would look as if nobody had paid.
            if state.has_duplicates and await self._flush_or_halt() is not None:
                continue
            try:
                staged = await persist_in_thread(self._clock, self._write_part, state)
            except Exception as error:  # noqa: BLE001  # as above
                self._ending.end_admission(self._reason_of(error))
                continue
            self.parts.append(staged.entry)
            self._replaced.append(staged)
            del self._open[state.shard.part]
            self._open_rows -= state.shard.rows
            self._shard_room.wake_all()

    def _write_part(self, state: OpenShard) -> StagedPart:
        """Stage a part; if another attempt has staged it, use that one. Blocking."""
        names = self._prepared.names
        outcomes = [outcome for outcome in state.outcomes if outcome is not None]
        data = encode_part(
            self._prepared.data_set,
            state.shard,
            outcomes,
            outcome_columns=self._prepared.outcome_columns,
            run_key=names.run_key,
            epoch=self._segments.epoch,
        )
        if len(data) > PART_BYTES_MAX:
            raise InvalidSpec(
                f"The answers to {state.shard.rows:,} rows make a part of {len(data):,} bytes, more "
                f"than {PART_BYTES_MAX:,}. They are kept. Start another run with a lower max_tokens."
            )
        # An epoch is never used twice, so no edition has the name of an earlier one.
        edition = self._segments.epoch if state.shard.part in self._reopened else 0
        name = names.part_name(state.shard.part, edition)
        if create_settled(self._prepared.store, name, data):
            return describe_part(self._prepared, state.shard, name, data)
        return stored_part(self._prepared, state.shard, edition)

    def _reason_of(self, error: Exception) -> AimlapiError:
        """Return why the run ends. Log a bug, ours or a library's, with its traceback once."""
        if isinstance(error, AimlapiError):
            return error
        if not self._has_logged_bug:
            log.error("What was paid for could not be kept.", exc_info=error)
        self._has_logged_bug = True
        failure = StorageError(
            f"What was paid for could not be kept: {type(error).__name__}: {error}"
        )
        failure.__cause__ = error
        return failure
