"""Send calls with a cache mark where `core.marks` says so: wait for the lead, mark, note the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.answer_form import FORCED_TOOL
from airflow_provider_aimlapi.core.calls.dialect import model_of
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.marks.head_cache import (
    MARKED_ROWS_MIN,
    OWN_BYTES_A_TOKEN,
    HeadCache,
)
from airflow_provider_aimlapi.core.money.pricing import UNSEEN_PROMPT_TOKENS
from airflow_provider_aimlapi.engine.runtime.waiters import Waiters
from airflow_provider_aimlapi.errors import ApiError, RequestRejected
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.api.messages.head_marks import HeadMark
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)

REFUSED_MARK = 400
"""The status for a field that the API does not accept."""


class MarkedCalls:
    """The cache marks of one attempt.

    Args:
        is_wanted: whether the user wants marks at all.

    Attributes:
        cache: decides which calls are marked; None if no head is long enough, or marks are not wanted.
        prices: for the log; None if not known.
    """

    def __init__(self, prepared: Prepared, clock: Clock, *, is_wanted: bool) -> None:
        completion = prepared.job.completion
        tokens_min = model_of(completion.model).head_tokens_min
        tools = UNSEEN_PROMPT_TOKENS if completion.tools else 0
        self._model = completion.model
        self._marks: dict[str, HeadMark] = {
            form: mark
            for form, mark in prepared.maker.head_marks.items()
            if mark.head_bytes / OWN_BYTES_A_TOKEN
            + (UNSEEN_PROMPT_TOKENS if form == FORCED_TOOL else tools)
            >= tokens_min
        }
        self.cache = HeadCache(tokens_min=tokens_min) if is_wanted and self._marks else None
        self.prices: TokenPrices | None = None
        self._clock = clock
        self._waiters = Waiters()  # workers that wait for the lead
        self._is_closed = False  # the run is ending

    @property
    def is_on(self) -> bool:
        """Whether calls may be marked."""
        return self.cache is not None and self.cache.is_on

    @property
    def head_bytes(self) -> int:
        """The size of the longest head that may be marked; 0 while nothing is marked."""
        return max(mark.head_bytes for mark in self._marks.values()) if self.is_on else 0

    def expect_rows(self, rows: int) -> None:
        """Mark nothing if so few rows are left that none could read what another one has written."""
        if self.cache is not None and rows < MARKED_ROWS_MIN:
            self.cache.leave_off()

    def heed_earlier(self, tallies: Iterable[Tally]) -> None:
        """Mark nothing if the answers of earlier attempts show that it brings nothing."""
        if self.cache is None:
            return
        total = sum(tallies, Tally())
        self.cache.heed_earlier(
            answers=total.paid_answers,
            reads=total.cache_reads,
            written_tokens=total.cache_write_tokens,
        )
        if not self.cache.is_on:
            log.info(
                "No request is marked for the prompt cache, because %s of %s earlier answers of this "
                "run read it.",
                f"{total.cache_reads:,}",
                f"{total.paid_answers:,}",
            )

    async def fetch_prices(self, budget: Budget, world: World) -> None:
        """Find out the prices with which the saving is computed. Without them it is not known."""
        if budget.price is not None:
            self.prices = budget.price.prices
        elif self.is_on:
            try:
                self.prices = await world.ask_prices(self._model)
            except ApiError as error:
                log.info("The saving of the prompt cache is not known, because of this: %s", error)

    async def wait_for_lead(self, row: Row) -> None:
        """Wait until a row may be sent: for the answer of the lead, or for the end of its time."""
        cache = self.cache
        if cache is None or self._mark_of(row) is None:
            return
        while (
            not self._is_closed
            and (wait_s := cache.wait_s(row.row_position, self._clock.now_s())) > 0
        ):
            await self._waiters.wait_for_wake(wait_s)

    def body_of(self, row: Row) -> bytes:
        """Return the bytes to send now: the row's request, with a mark or without."""
        row.is_marked = False
        mark = self._mark_of(row)
        if self.cache is None or mark is None:
            return row.body
        marked = mark.mark(row.body)
        if marked is None or not self.cache.marks(row.row_position, self._clock.now_s()):
            return row.body
        row.is_marked = True
        return marked

    def answered(self, row: Row, completion: Completion) -> None:
        """Note an answer."""
        mark = self._mark_of(row)
        if self.cache is None:
            return
        was_on = self.cache.is_on
        if row.is_marked and mark is not None:
            self.cache.answered(
                completion,
                own_bytes=len(row.body) - mark.head_bytes,
                sent_s=row.sent_s,
                now_s=self._clock.now_s(),
            )
        elif row.is_mark_refused:
            self.cache.answered_without(row.row_position)
        if was_on and not self.cache.is_on:
            self._log_end(self.cache)

    def is_refused(self, row: Row, error: ApiError) -> bool:
        """Return whether a failure may be about the mark. Then the row is sent again without one."""
        is_refusal = isinstance(error, RequestRejected) and error.status == REFUSED_MARK
        if self.cache is None or not is_refusal:
            return False
        if not row.is_marked:
            self.cache.refused_without(row.row_position)
            return False
        self.cache.refused(row.row_position)
        row.is_mark_refused = True
        row.rejections = 0  # they were about another request
        return True

    def ended(self, row: Row) -> None:
        """Note that the work on a row has ended, and let others go if they waited for it."""
        if self.cache is not None:
            self.cache.ended(row.row_position)
            self._waiters.wake_all()

    def saved_nano_usd(self, cached_tokens: int, written_tokens: int) -> int | None:
        """Return what the prompt cache has saved by the price list; None if no price is known."""
        if self.prices is None:
            return None
        return self.prices.cache_saving_nano_usd(
            cached_tokens=cached_tokens, written_tokens=written_tokens
        )

    def close(self) -> None:
        """Let no worker wait any more, because the run is ending."""
        self._is_closed = True
        self._waiters.wake_all()

    def _mark_of(self, row: Row) -> HeadMark | None:
        """Return the mark of a row's request. Follow-ups have none, because they are few."""
        if row.follow_up is not None or row.is_mark_refused:
            return None
        return self._marks.get(row.form)

    def _log_end(self, cache: HeadCache) -> None:
        saved = self.saved_nano_usd(cache.cached_tokens, cache.written_tokens)
        level = log.info if cache.why_off == "too short" else log.warning
        level("%s", cache.report(saved))
