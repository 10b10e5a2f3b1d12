"""Give rows the answers that earlier runs have paid for. Blocking.

Nothing is journaled for such a row: a later attempt finds the same answer in the same run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.faults import Valid
from airflow_provider_aimlapi.core.calls.completion import reused_outcome
from airflow_provider_aimlapi.core.reuse.part_order import file_of
from airflow_provider_aimlapi.engine.reuse.answer_search import AnswerSearch
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Plan, Shard
    from airflow_provider_aimlapi.engine.reuse.earlier_runs import FoundRuns
    from airflow_provider_aimlapi.engine.row import Row

log = logger(__name__)

ROWS_WITHOUT_WARNING = 1_000
"""If nothing can be reused for so few rows, it is probably meant to be so."""


class ReusedAnswers:
    """The answers of earlier runs to this run's rows.

    Args:
        plan: the plan of the whole run.
        validator: checks the answers as if they were this run's; None if there is no schema.
        searches_all: whether rows that moved far are searched for.
    """

    def __init__(
        self,
        runs: FoundRuns,
        plan: Plan,
        validator: AnswerValidator | None = None,
        *,
        searches_all: bool = True,
    ) -> None:
        self._validator = validator
        self._first = runs.first
        files = {file_of(shard) for shard in plan.shards} if runs.usable else set()
        self._searches = [
            AnswerSearch(run, files, searches_all=searches_all) for run in runs.usable
        ]
        self._rows_before = 0  # the rows of the run before the shard that is searched for
        self._shards = iter(plan.shards)
        self._shard: Shard | None = None
        self._rows = 0  # rows that answers were looked for
        self._is_decided = runs.first is None  # whether it is known if anything can be reused

    @property
    def may_be_some(self) -> bool:
        """Return whether an earlier run exists. Without one, rows are not looked at."""
        return self._first is not None

    def find_outcomes(self, shard: Shard, rows: Sequence[Row]) -> dict[int, Outcome]:
        """Return the outcomes of those of these rows that an earlier run has answered, by row.

        Args:
            shard: the shard of the rows. Shards are searched for in order.

        Raises:
            StoreUnavailable, StoreUnsafe: an earlier run cannot be read.
        """
        self._rows += len(rows)
        self._go_to(shard)
        outcomes: dict[int, Outcome] = {}
        # A row that this run has an answer to, but not the last one, is finished by this run.
        left = [row for row in rows if row.follow_up is None]
        for search in self._searches:
            if not left or not search.is_useful:
                continue
            hashes = [row.request_hash for row in left]
            found = search.find_answers(shard, self._rows_before, hashes, len(rows))
            for row in left:
                answer = found.get(row.request_hash)
                if answer is not None and self._is_valid(answer, row):
                    outcomes[row.row] = reused_outcome(
                        answer,
                        run_key=search.run.run_key,
                        row=row.row,
                        unread_cost_nano_usd=row.unread_cost_nano_usd,
                    )
            left = [row for row in left if row.row not in outcomes]
        self._is_decided = self._is_decided or bool(outcomes)
        if not any(search.is_useful for search in self._searches):
            self._warn_if_none()
        return outcomes

    def close_searches(self) -> None:
        """Log what could not be reused, and delete temporary files."""
        self._warn_if_none()
        for search in self._searches:
            search.close_table()
            if search.run.unreadable:
                log.warning(
                    "%s part(s) of run %s could not be read, so their rows are sent again.",
                    f"{search.run.unreadable:,}",
                    search.run.run_key,
                )

    def _is_valid(self, answer: Outcome, row: Row) -> bool:
        """Return whether an answer passes this run's checks, which may be other code by now."""
        if self._validator is None:
            return True
        return isinstance(self._validator.check_answer(answer.text, row.cells), Valid)

    def _warn_if_none(self) -> None:
        """Log once why no row of many could take an answer, although an earlier run exists."""
        if self._is_decided or self._first is None or self._rows <= ROWS_WITHOUT_WARNING:
            return
        self._is_decided = True
        log.warning(
            "None of %s rows could take its answer from run %s, because %s differs.",
            f"{self._rows:,}",
            self._first.run_key,
            self._first.argument,
        )

    def _go_to(self, shard: Shard) -> None:
        """Count the rows before a shard."""
        while self._shard is None or self._shard.part != shard.part:
            if self._shard is not None:
                self._rows_before += self._shard.rows
            self._shard = next(self._shards)
