"""Send each request of a run once: rows that repeat one take the answer to its first row.

The first row is the *original*. Its duplicates wait for it, or take its answer if it was decided not long
ago. Nothing is journaled for a duplicate: a later attempt finds the original's answer again, and charges
it once. An original that gets no answer leaves its place to the next duplicate, unless the request itself
is at fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.faults import Invalid
from airflow_provider_aimlapi.core.calls.completion import COMPLETION_STATUSES, repeated
from airflow_provider_aimlapi.engine.reuse.recent_answers import RecentAnswers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.engine.row import Row


class Duplicates:
    """The requests of an attempt, and the rows that repeat them.

    Args:
        is_on: whether equal requests are sent once. Otherwise each row is sent.
        rows: the rows of the attempt.
        validator: the check of the answers; None if there is no schema.
        keep: receives the outcome of a duplicate, and its part.

    Attributes:
        release: hands over a row that has to be sent after all.
        waiting: the number of rows that wait for another one.
    """

    def __init__(
        self,
        *,
        is_on: bool,
        rows: int,
        validator: AnswerValidator | None,
        keep: Callable[[int, Outcome], None],
    ) -> None:
        self.release: Callable[[Row], None] = lambda _row: None
        self.waiting = 0
        self._is_on = is_on
        self._validator = validator
        self._keep = keep
        self._originals: dict[
            str, Row
        ] = {}  # rows that are to be sent, by the hash of their request
        self._recent = RecentAnswers(rows)

    def admit(self, rows: list[Row]) -> list[Row]:
        """Return the rows that have to be sent. The others have an outcome, or wait for one."""
        if not self._is_on:
            return rows
        return [row for row in rows if not self._is_duplicate(row)]

    def renewed(self, row: Row, earlier_hash: str) -> bool:
        """Note that an original makes another request now. Return whether another row makes it already."""
        if self._originals.get(earlier_hash) is not row:
            return False
        del self._originals[earlier_hash]
        followers, row.duplicates = row.duplicates, None
        if not self._is_duplicate(row):
            row.duplicates = followers
            return False
        self.waiting -= len(followers or ())
        for one in followers or ():
            _share_request(one, row)
            if not self._is_duplicate(one):
                self.release(one)
        return True

    def decided(self, row: Row, outcome: Outcome, *, is_final: bool = True) -> None:
        """Give the outcome of a row that was sent to its duplicates.

        Args:
            is_final: whether each row with this request would end so. If not, the next one is sent.
        """
        if self._originals.get(row.request_hash) is not row:
            return
        del self._originals[row.request_hash]
        if is_final:
            self._recent.add(row.part, outcome)
        if row.duplicates is None:
            return
        followers, row.duplicates = row.duplicates, None
        self.waiting -= len(followers)
        if is_final:
            followers = [
                one for one in followers if not self._give(one, row.part, outcome, row.cells)
            ]
        if followers:
            self._promote(*followers)

    def add_earlier(self, part: int, outcome: Outcome) -> None:
        """Note what an earlier attempt has paid for. A rejected row may succeed if it is sent again."""
        has_answer = outcome.status in COMPLETION_STATUSES and outcome.same_as is None
        if not self._is_on or not has_answer or outcome.request_hash is None:
            return
        if self._recent.find(outcome.request_hash) is None:
            self._recent.add(part, outcome)

    def add_all_earlier(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Note what earlier attempts have paid for, by part. Blocking."""
        for part, outcome in outcomes:
            self.add_earlier(part, outcome)

    def close(self) -> None:
        """Note that no more rows come: no answer is needed but those that rows wait for."""
        self._recent.close()

    def _is_duplicate(self, row: Row) -> bool:
        # 1. A row that has an answer, but needs a better one, is sent. Others may wait for it.
        # 2. A row takes the answer if an equal row was decided not long ago.
        # 3. It waits if an equal row is on its way.
        # 4. Otherwise it is an original.
        if row.follow_up is not None:
            self._originals.setdefault(row.request_hash, row)
            return False
        found = self._recent.find(row.request_hash)
        if found is not None and not _is_own(row, *found) and self._give(row, *found):
            return True
        original = self._originals.setdefault(row.request_hash, row)
        if original is row:
            return False
        _share_request(row, original)
        if original.duplicates is None:
            original.duplicates = []
        original.duplicates.append(row)
        self.waiting += 1
        return True

    def _promote(self, row: Row, *followers: Row) -> None:
        """Send a row in place of the one that it waited for, and let the others wait for it."""
        self._originals[row.request_hash] = row
        row.duplicates = list(followers) or None
        self.waiting += len(followers)
        self.release(row)

    def _give(
        self, row: Row, part: int, outcome: Outcome, cells: Mapping[str, str] | None = None
    ) -> bool:
        """Give a row the outcome of another one. Return False if it does not fit the row's cells.

        Args:
            part: the part of the other row.
            cells: the cells of the other row; None if they are not known.
        """
        if row.cells is not None and row.cells != cells and not self._fits(outcome, row.cells):
            return False
        given = repeated(
            outcome, part=part, row=row.row, unread_cost_nano_usd=row.unread_cost_nano_usd
        )
        self._keep(row.part, given)
        return True

    def _fits(self, outcome: Outcome, cells: Mapping[str, str]) -> bool:
        """Return whether an answer would be judged in the same way beside these cells, which it may quote.

        Other cells may make the same request: "a" and "bc", or "ab" and "c".
        """
        if self._validator is None or outcome.status not in ("ok", "invalid"):
            return True
        if outcome.status == "invalid":
            return isinstance(self._validator.check_answer(outcome.raw, cells), Invalid)
        return self._validator.has_quotes_of(outcome.text or "", cells)


def _is_own(row: Row, part: int, outcome: Outcome) -> bool:
    """Return whether an answer is the row's own, which was not found where its part was read.

    As the answer of another row, it would hide the charge.
    """
    return row.row_position == (part, outcome.row)


def _share_request(row: Row, original: Row) -> None:
    """Let a duplicate hold the same bytes as its original, so that it takes no memory for them."""
    follow_up = original.follow_up
    row.body = original.body if follow_up is None else follow_up.first_body
    row.request_hash, row.form = original.request_hash, original.form
