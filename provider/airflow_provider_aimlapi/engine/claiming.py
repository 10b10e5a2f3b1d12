"""An attempt's part of a budget that it has with others: claims it, raises it, gives back what is left.

What a claim is stands in `core.claims`. A run of one share has its budget to itself, and none of this.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.claims import REST, Claim, decide
from airflow_provider_aimlapi.engine.resume import find_remains
from airflow_provider_aimlapi.engine.retry import persist
from airflow_provider_aimlapi.errors import StorageError
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.claim_log import ClaimLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.claims import Claims
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.ending import Ending
    from airflow_provider_aimlapi.engine.prepare import Prepared
    from airflow_provider_aimlapi.engine.resume import Remains
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.storage.journal_store import JournalStore

log = logger(__name__)

LOOK_AGAIN_S = 1.0
"""Between two looks at a log in which nothing was left."""


class Claiming:
    """One attempt's budget, and its claims on the run's.

    Attributes:
        budget: what the attempt goes by. Its limit is raised here while the attempt works.
    """

    def __init__(
        self,
        prepared: Prepared,
        journal: JournalStore,
        remains: Remains,
        *,
        settings: Settings,
        ending: Ending,
        clock: Clock,
    ) -> None:
        self._prepared = prepared
        self._journal = journal
        self._remains = remains
        self._ending = ending
        self._clock = clock
        self._limit = settings.budget_nano_usd
        self._patience_s = settings.stall_timeout_s
        self._shares = len(prepared.run_plan.shares)
        self._log = ClaimLog(prepared.store, prepared.names, clock.spread)
        self._wanted = asyncio.Event()
        self._wanted_bytes = 0
        self._promising = asyncio.Event()
        self._is_finishing = False
        self._has_claimed = False
        self.budget = remains.budget(self._limit)

    async def begin(self, *, has_rows_left: bool) -> None:
        """Say what was spent before; with a budget, and rows to ask for, claim a part of it."""
        share = self._prepared.share
        if self._shares == 1 or (share is None and not has_rows_left):
            return
        self._has_claimed = has_rows_left and self._limit is not None
        if share is None:
            await persist(self._clock, self._log.append, self._all_of_it)
        elif self._has_claimed:
            self.budget.may_grow = True
            self.budget.whole_nano_usd = self._limit
            await self._claim(share, is_first=True)
        else:
            await self._settle(share)

    def want_more(self, body_bytes: int) -> None:
        """Tell that a call with a request of this size is held back by the budget."""
        share = self._prepared.share
        if share is None or not self.budget.may_grow:
            return
        self._wanted_bytes = body_bytes
        self._wanted.set()
        spent, need = self.budget.charged_nano_usd, self.budget.next_nano_usd(body_bytes)
        if self._decided(self._log.claims, share, spent, need) > self._log.claims.of(share):
            self._promising.set()  # by what was read last

    async def keep(self, on_change: Callable[[], None]) -> None:
        """Raise the claim when calls want it, until `finish`.

        Args:
            on_change: told when calls that were held back should look again.
        """
        share = self._prepared.share
        while share is not None and self.budget.may_grow:
            await self._wanted.wait()
            self._wanted.clear()
            if self._is_finishing:
                return
            before = self.budget.limit_nano_usd
            try:
                await self._raise(share)
            except StorageError as error:
                self._ending.halt(error)
            on_change()
            if self.budget.limit_nano_usd == before:
                await self._pause()

    def finish(self) -> None:
        """Say that no more calls are made."""
        self._is_finishing = True
        self._wanted.set()
        self._promising.set()

    async def end(self, *, is_complete: bool) -> None:
        """Give back what was claimed and not spent. Failing to do so costs others a wait."""
        share = self._prepared.share
        if self._shares == 1:
            return
        try:
            if share is not None:
                await self._settle(share)
            elif self._has_claimed and not is_complete:
                await persist(self._clock, self._settle_whole)
        except StorageError as error:
            log.warning("What is left of the budget could not be given back: %s", error)

    async def _raise(self, share: int) -> None:
        """Claim more; while nothing is left, wait for others to give some back."""
        until_s, entries = 0.0, -1
        while not self._is_finishing:
            await self._claim(share)
            if self.budget.in_flight or self.budget.allows(self._wanted_bytes):
                return
            if self._log.entries != entries:
                entries = self._log.entries
                until_s = self._clock.now_s() + self._patience_s
            if not self._log.claims.may_fall(share) or self._clock.now_s() >= until_s:
                self.budget.may_grow = False
                return
            await self._pause()

    async def _pause(self) -> None:
        self._promising.clear()
        if self._is_finishing:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._promising.wait()

    def _decided(self, claims: Claims, share: int, spent: int, need: int) -> int:
        limit = self._limit or 0
        return decide(
            claims, share, limit_nano_usd=limit, shares=self._shares, spent=spent, need=need
        )

    async def _claim(self, share: int, *, is_first: bool = False) -> None:
        budget = self.budget
        spent = budget.charged_nano_usd
        need = 0 if is_first else budget.next_nano_usd(self._wanted_bytes)

        def of_share(claims: Claims) -> Claim | None:
            wanted = self._decided(claims, share, spent, need)
            if not is_first and wanted == claims.of(share) > spent:
                return None
            if not is_first and wanted == spent:
                return self._settled(claims, {share: spent})
            return self._entry({share: wanted}, is_open=wanted > spent)

        claim = await persist(self._clock, self._log.append, of_share)
        if claim is not None:
            budget.limit_nano_usd = claim.nano_usd[share]
        budget.elsewhere_nano_usd = self._log.claims.elsewhere(share)

    async def _settle(self, share: int) -> None:
        spent = {share: self.budget.committed_nano_usd()}
        await persist(self._clock, self._log.append, lambda claims: self._settled(claims, spent))

    def _settle_whole(self) -> None:
        """What each share has cost by now, all attempts together: as the next one would find it."""
        remains = find_remains(self._prepared, self._journal, self._clock, retry_rejected=False)
        spent = {**self._spent_by_share(remains), REST: 0}
        self._log.append(lambda claims: self._settled(claims, spent))

    def _settled(self, claims: Claims, spent: dict[int, int]) -> Claim | None:
        return None if claims.says(spent) else self._entry(spent, is_open=False)

    def _all_of_it(self, claims: Claims) -> Claim | None:
        """Of an attempt at the whole run: nobody else pays now, so it claims all that is left."""
        spent = self._spent_by_share(self._remains)
        if not self._has_claimed:
            return self._settled(claims, {**spent, REST: 0})
        rest = max(0, (self._limit or 0) - sum(spent.values()))
        return self._entry({**spent, REST: rest}, is_open=rest > 0)

    def _entry(self, nano_usd: dict[int, int], *, is_open: bool) -> Claim:
        return Claim(epoch=self._journal.epoch, nano_usd=nano_usd, is_open=is_open)

    def _spent_by_share(self, remains: Remains) -> dict[int, int]:
        plan = self._prepared.run_plan
        ends = (*plan.shares[1:], len(plan.shards))
        return {
            share: remains.spent_nano_usd(range(first, end))
            for share, (first, end) in enumerate(zip(plan.shares, ends, strict=True))
        }
