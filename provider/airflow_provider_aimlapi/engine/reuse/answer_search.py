"""Find the answers of one earlier run, within bounds on memory, requests and disk. Blocking.

1. Nearby parts first: the parts in memory, then those around the place where the rows lay.
2. Rows that moved far are found in a table of all the earlier run's answers. It is made once, when
   the rows that were not found are worth it.

A part is requested at most three times: `NEARBY_A_PART` times nearby, and once for the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.bounds import SHARD_ROWS_MAX
from airflow_provider_aimlapi.core.reuse.part_order import PartOrder, file_of
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.reuse.earlier_runs import EarlierRun

log = logger(__name__)

CHANGED_SHARE = 0.05
"""If fewer rows of a batch are missing, no further part is read for them: they probably changed. With
half, a part would be read for each batch with a few changed rows."""
NEARBY_A_PART = 2
"""Parts of the earlier run that are read nearby for each part of this run, because one usually lies across
two of them. It is also how often one part may be read nearby."""
NEARBY_EXTRA = 16
"""Parts that may be read nearby beyond that, where rows were inserted or removed before others: 16 parts
are 131,072 rows."""
PARTS_KEPT = 3
"""Parts in memory: the one that rows are found in, its neighbour, and one in reserve."""
KEPT_BYTES_MAX = 32 * 1024 * 1024
"""The texts of the parts in memory. If rows are wide, fewer parts are kept, but always one."""
RECORD_BYTES = 1024
"""The memory of an answer beside its text."""
TABLE_ROWS_MAX = 2_000_000
"""The most rows in the table of an earlier run. Their hashes take 48 MiB of memory."""
SMALL_ROWS = 8 * SHARD_ROWS_MAX
"""Making a table of so few rows takes less than a second, so one missing row is worth it."""
HOLE_SHARE = 0.1
"""A batch with more missing rows has a hole: its rows are new, or they moved. Changed rows are spread."""
HOLES_ROWS = 1_000
"""A larger table takes up to half a minute. It is made once so many rows are missing in holes."""
SCATTERED_SHARE = 0.05
"""It is also made once so many of the table's rows are missing, because those may have moved as well."""

Found = dict[str, "Outcome"]


class AnswerSearch:
    """Searches one earlier run.

    Args:
        files: the names of this run's input files, as `file_of` returns them.
        searches_all: whether a table is made for rows that moved far.

    Attributes:
        found: the number of answers that were found.
        missing: the number of rows that were not found.
    """

    def __init__(
        self, run: EarlierRun, files: Collection[str], *, searches_all: bool = True
    ) -> None:
        self.run = run
        self.found = self.missing = 0
        self._files = files
        self._order = PartOrder(run.shards)
        self._kept: dict[int, Found] = {}  # parts in memory; the one that was used last is the last
        self._weights: dict[int, int] = {}  # bytes of each of them
        self._part = -1  # the part of this run that is searched for
        self._candidates: Iterator[int] = iter(())  # parts that may be read for it
        self._reads_left = NEARBY_EXTRA
        self._reads: dict[int, int] = {}  # how often each part was read nearby
        self._table: AnswerTable | None = None
        self._is_table_due = searches_all and run.has_same_template
        self._is_table_whole = False
        self._is_closed = False
        self._in_holes = 0  # missing rows of batches with a hole
        self._rows = sum(entry.tally.ok for entry in run.entries)  # answers of the earlier run

    @property
    def is_useful(self) -> bool:
        """Return whether more rows may be found.

        Another template may make the same requests, but hardly ever does.
        """
        is_tried = self.missing >= SHARD_ROWS_MAX
        return self.run.has_same_template or self.found > 0 or not is_tried

    def find_answers(
        self, shard: Shard, rows_before: int, hashes: Sequence[str], batch_rows: int
    ) -> Found:
        """Return the answers to these requests that the earlier run has.

        Args:
            rows_before: the rows of this run before the shard.
            batch_rows: the rows of the batch, those that another run has answered included.

        Raises:
            As `EarlierRun.read_answers`.
        """
        found: Found = {}
        missing = list(hashes)
        if not self._is_table_whole:
            missing = self._find_nearby(shard, rows_before, missing, batch_rows, found)
        if missing and self._is_table_due and self._is_worth_a_table(len(missing), batch_rows):
            self._make_table()
        if missing and self._table is not None:
            missing = self._find_in_table(self._table, missing, found)
        self.found += len(found)
        self.missing += len(missing)
        return found

    def close_table(self) -> None:
        """Delete the table, and end the work on it in another thread."""
        self._is_closed = True
        if self._table is not None:
            self._table.delete_file()
            self._table = None

    def _find_nearby(
        self, shard: Shard, rows_before: int, missing: list[str], batch_rows: int, found: Found
    ) -> list[str]:
        """Search parts in memory, then read parts; return the requests that are still missing."""
        if shard.part != self._part:
            self._part = shard.part
            self._reads_left += NEARBY_A_PART
            self._candidates = self._order.candidate_parts(shard, rows_before)
        for part in list(reversed(self._kept)):
            missing = self._take_answers(part, self._kept[part], missing, found)
        while len(missing) > CHANGED_SHARE * batch_rows and self._reads_left and self.is_useful:
            likely = next(filter(self._may_read, self._candidates), None)
            if likely is None:
                break
            self._reads_left -= 1
            missing = self._take_answers(likely, self._read_part(likely), missing, found)
        return missing

    def _take_answers(
        self, part: int, answers: Found, missing: list[str], found: Found
    ) -> list[str]:
        """Add a part's answers to these requests to `found`; return the others."""
        taken = {one: answers[one] for one in missing if one in answers}
        if not taken:
            return missing
        found.update(taken)
        self._order.note_found(part)
        # To the end, as the part that was used last.
        self._kept[part] = self._kept.pop(part, answers)
        return [one for one in missing if one not in taken]

    def _may_read(self, part: int) -> bool:
        return part not in self._kept and self._reads.get(part, 0) < NEARBY_A_PART

    def _read_part(self, part: int) -> Found:
        """Read a part and keep it in memory, instead of those that were not used for longest."""
        self._reads[part] = self._reads.get(part, 0) + 1
        answers = self.run.read_answers(part)
        # The first of equal requests counts, so they are added from the last to the first.
        by_hash = {str(one.request_hash): one for one in reversed(answers)}
        self._kept[part] = by_hash
        self._weights[part] = sum(RECORD_BYTES + len(one.text or "") for one in answers)
        while len(self._kept) > 1 and (
            len(self._kept) > PARTS_KEPT
            or sum(map(self._weights.__getitem__, self._kept)) > KEPT_BYTES_MAX
        ):
            del self._kept[next(iter(self._kept))]
        return by_hash

    def _is_worth_a_table(self, missing: int, batch_rows: int) -> bool:
        """Return whether enough rows are missing, and may be in parts that were not searched."""
        if missing > HOLE_SHARE * batch_rows:
            self._in_holes += missing
        if len(self._kept) >= len(self.run.entries):  # all parts were searched
            return False
        if self._rows <= SMALL_ROWS or self._in_holes > HOLES_ROWS:
            return True
        return self.missing + missing > SCATTERED_SHARE * min(TABLE_ROWS_MAX, self._rows)

    def _make_table(self) -> None:
        """Make the table of all answers, or of as many as fit."""
        # Before the work: if the disk is full, no later batch tries again.
        self._is_table_due = False
        log.info("Searching all parts of run %s for rows that moved.", self.run.run_key)
        table = AnswerTable(min(TABLE_ROWS_MAX, self._rows))
        try:
            self._is_table_whole = self._fill_table(table)
        except OSError as error:
            log.warning("Rows that moved are sent again: no temporary file (%s).", error)
            self._is_table_whole = False
            table.delete_file()
            return
        self._table = table
        self._kept.clear()

    def _fill_table(self, table: AnswerTable) -> bool:
        """Add the answers of all parts; return False if there was no room for some."""
        parts, rows = [], 0
        # Files that this run does not have come first, because their rows must have moved.
        for shard in sorted(self.run.shards, key=lambda one: file_of(one) in self._files):
            ok = self.run.entries[shard.part].tally.ok
            if ok and rows + ok <= TABLE_ROWS_MAX:
                parts.append(shard.part)
            rows += ok
        for part in parts:  # one after another, because each takes memory while it is decoded
            if table.is_full or self._is_closed:
                return False
            table.add_answers(part, self.run.read_answers(part))
        return not table.is_full and rows <= TABLE_ROWS_MAX

    def _find_in_table(self, table: AnswerTable, missing: list[str], found: Found) -> list[str]:
        """Search the table; return the requests that are still missing."""
        for request_hash in missing:
            answer = table.find_answer(request_hash)
            if answer is not None:
                part, found[request_hash] = answer
                self._order.note_found(part)
        return [one for one in missing if one not in found]
