"""The answers to the last requests of a run, in temporary files of bounded size. Blocking.

Two tables are kept. When the newer one is full, the older one is deleted. An answer that is found in
the older one is copied to the newer one, so that frequent requests stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome

log = logger(__name__)

TABLE_ROWS = 512 * 1024
"""The most answers in a table, so that the last half a million are always there, and at most a million.
The hashes of both take 24 MiB of memory. With a quarter of it, a third of the duplicates in skewed data
would be sent again."""
TABLE_BYTES_MAX = 1024**3
"""The most disk that a table takes."""


class RecentAnswers:
    """The answers to the last requests.

    Args:
        rows: the rows of the run. A smaller run takes less memory.
    """

    def __init__(self, rows: int) -> None:
        self._table_rows = min(rows, TABLE_ROWS)
        self._newer: AnswerTable | None = None
        self._older: AnswerTable | None = None
        self._is_closed = False

    def add(self, part: int, answer: Outcome) -> None:
        """Add the answer to a row of a part."""
        if self._is_closed:
            return
        try:
            self._add(part, answer)
        except OSError as error:
            self._give_up(error)

    def find(self, request_hash: str) -> tuple[int, Outcome] | None:
        """Return the answer to a request, and the part of its row; None if it is not there any more."""
        if self._newer is None:
            return None
        try:
            found = self._newer.find_answer(request_hash)
            if found is None and self._older is not None:
                found = self._older.find_answer(request_hash)
                if found is not None:
                    self._add(*found)
        except OSError as error:
            self._give_up(error)
            return None
        return found

    def close(self) -> None:
        """Delete the files. Nothing is found or added after that."""
        self._is_closed = True
        for table in (self._newer, self._older):
            if table is not None:
                table.delete_file()
        self._newer = self._older = None

    def _add(self, part: int, answer: Outcome) -> None:
        if self._newer is not None:
            self._newer.add(part, answer)
            if not self._newer.is_full:
                return
        newer = AnswerTable(self._table_rows, bytes_max=TABLE_BYTES_MAX)
        newer.add(part, answer)
        if newer.is_full:
            raise OSError("too little room")
        if self._older is not None:
            self._older.delete_file()
        self._newer, self._older = newer, self._newer

    def _give_up(self, error: OSError) -> None:
        """Do without files: duplicates of rows that are decided are sent again."""
        if not self._is_closed:  # otherwise another thread was still at work
            log.warning("Duplicates of earlier rows are sent again: no temporary file (%s).", error)
        self.close()
