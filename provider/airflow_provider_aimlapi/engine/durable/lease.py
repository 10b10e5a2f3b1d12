"""Holds this attempt's lease: waits for older attempts, keeps the right to pay, gives it up.

The rules are in `core.durable.lease`; what they are for is in `provider/docs/ARCHITECTURE.md`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.core.durable.lease import BEATS_A_TTL, Heartbeat
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.engine.durable.other_attempts import OtherAttempts
from airflow_provider_aimlapi.engine.runtime.companions import beside
from airflow_provider_aimlapi.engine.runtime.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    RunInterrupted,
    StorageError,
    StoreUnavailable,
)
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.durable.lease import HeartbeatState, LeaseTimes
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

log = logger(__name__)
T = TypeVar("T")


async def _report_nothing(_left_s: float) -> None:
    """For a wait that is shown to no person."""


class Superseded(RunInterrupted):
    """A newer attempt of the same run has begun; this one lets go and follows."""


class Lease:
    """The right to pay, as the owner of an epoch has it."""

    def __init__(
        self,
        store: LeaseStore,
        epoch: int,
        *,
        times: LeaseTimes,
        clock: Clock,
        stop: StopSignal,
    ) -> None:
        self.epoch = epoch
        self._stop = stop
        self._is_released = False
        self._let_go = asyncio.Event()
        self._store = store
        self._times = times
        self._clock = clock.reserved
        self._beat = 0
        self._has_run = False
        self._refused = 0
        self._right_until_s = float("-inf")

    def may_pay(self) -> bool:
        """Whether a call may be made at this instant, also if the machine was suspended before it."""
        return self._clock.boot_s() < self._right_until_s

    async def wait_for_elders(
        self, report: Callable[[float], Awaitable[None]] = _report_nothing
    ) -> None:
        """Return once no older attempt can pay any more, with the right to pay.

        Args:
            report: called with the seconds that the wait takes at the most, when that has changed.

        Raises:
            Superseded: when a newer attempt has begun meanwhile.
            RunInterrupted: when the run was asked to stop.
            StorageError: when the store refuses, or does not answer, for minutes.
        """
        elders = OtherAttempts(self._store, self._times, self._clock)
        patience = Patience(self._clock)
        until_s = float("-inf")
        while not await self._are_over(elders, lambda epoch: epoch < self.epoch):
            if not await self._beat_once("waiting"):
                elders.miss()  # perhaps no attempt can write: then their silence means nothing
            if elders.until_s() > until_s + self._times.interval_s:
                until_s = elders.until_s()
                self._log_wait(elders, until_s)
                await report(until_s - self._clock.now_s())
            patience.take_in(is_answered=not elders.has_missed)
            await self._stop.pause(self._times.interval_s)
        await self.renew()

    async def renew(self) -> None:
        """Get the right back that lapsed while the store was away. Raises as `wait_for_elders`."""
        patience = Patience(self._clock)
        while not (await self._beat_once("running") and self.may_pay()):
            patience.take_in(is_answered=False)
            await self._stop.pause(self._times.interval_s)

    async def keep(self, lost: Callable[[AimlapiError], None]) -> None:
        """Renew the right to pay until told to `let_go`; see `while_kept`.

        Once the right is lost, heartbeats go on: they say that calls are still in flight, and that
        what these bring is not durable yet. But not for ever, should the work hang.

        Cancelled instead, it would leave behind a thread that writes a heartbeat, perhaps after
        the release: then the next attempt would wait for a silence.
        """
        reason = await self._keep_until_lost()
        if reason is None:
            return
        lost(reason)
        until_s = self._clock.now_s() + self._times.request_timeout_s + STORE_PATIENCE_S
        while self._clock.now_s() < until_s and not await self._is_let_go_of():
            with suppress(AimlapiError):  # it is lost, as we know
                await self._beat_once("running")

    async def while_kept(self, work: Awaitable[T], *, lost: Callable[[AimlapiError], None]) -> T:
        """Do work, with heartbeats beside it from the first instant to the last.

        Args:
            lost: told why, once the right to pay cannot be renewed any more: a newer attempt has
                begun, or the store refuses. The work has to end then; nothing ends it from here,
                for answers that it has paid for would be lost.
        """
        failure: AimlapiError
        self._let_go.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(beside(self.keep(lost), "lease keeper", lost))
            try:
                return await work
            except AimlapiError as error:  # handed around the group, which would wrap it
                failure = error
            finally:
                self.let_go()
        raise failure

    def let_go(self) -> None:
        """End `keep`, once the heartbeat that it may be writing is written."""
        self._let_go.set()

    async def release(self) -> None:
        """Say that this attempt will never pay again. Failing to say so costs the next one time."""
        self._right_until_s = float("-inf")
        if self._is_released:
            return
        self._is_released = True
        try:
            await self._clock.in_thread(self._store.beat, self.epoch, self._next("released"))
        except Exception as error:  # noqa: BLE001  # a run that has succeeded stays one
            log.warning("The lease could not be released, so the next attempt waits: %s", error)

    async def follow(self, read_result: Callable[[], Manifest | None]) -> Manifest | None:
        """Wait for the newer attempts to bring the result; None when they ended without.

        Args:
            read_result: blocking.

        Raises:
            RunInterrupted: when the run was asked to stop.
        """
        newer = OtherAttempts(self._store, self._times, self._clock)
        patience = Patience(self._clock)
        while True:
            are_over = await self._are_over(newer, lambda epoch: epoch > self.epoch)
            if not newer.has_missed:
                try:
                    result = await self._clock.in_thread(read_result)
                except StoreUnavailable as error:
                    log.info("Waiting for the newer attempt: %s", error)
                    newer.miss()
                else:
                    if result is not None or are_over:
                        return result
            patience.take_in(is_answered=not newer.has_missed)
            await self._stop.pause(self._times.interval_s)

    async def _keep_until_lost(self) -> AimlapiError | None:
        """Returns why the right was lost; None when told to let go before it was."""
        patience = Patience(self._clock)
        while not await self._is_let_go_of():
            try:
                patience.take_in(is_answered=await self._beat_once("running"))
            except AimlapiError as error:
                return error
        return None

    async def _is_let_go_of(self) -> bool:
        """Wait an interval, or less when told to let go."""
        try:
            async with asyncio.timeout(self._times.interval_s):
                await self._let_go.wait()
        except TimeoutError:
            return False
        return True

    async def _are_over(self, others: OtherAttempts, wanted: Callable[[int], bool]) -> bool:
        """Whether none of the others can pay any more; False too when the store did not answer."""
        try:
            return await others.are_over(await self._epochs(wanted))
        except StoreUnavailable as error:
            log.info("Other attempts' heartbeats cannot be read: %s", error)
            others.miss()
            return False

    async def _beat_once(self, state: HeartbeatState) -> bool:
        """Write a heartbeat, then see whether a newer epoch exists; whether the store let us.

        The order matters: whoever creates an epoch after our listing finds this heartbeat.

        Raises:
            Superseded: when there is one.
            StorageError: when the store has refused for so long that the right has lapsed.
        """
        asked_at_s = self._clock.boot_s()
        try:
            await self._clock.in_thread(self._store.beat, self.epoch, self._next(state))
            newer = await self._epochs(lambda epoch: epoch > self.epoch)
        except StoreUnavailable as error:
            log.info("A heartbeat failed: %s", error)
            self._refused = 0
            return False
        except Exception as error:  # noqa: BLE001  # it may pass, and calls are in flight
            self._note_refusal(error)
            return False
        self._refused = 0
        if newer:
            raise Superseded(
                "A newer attempt of this run has begun. This one makes no new call, keeps what "
                "it paid for, and waits for the other."
            )
        if state == "running":
            self._right_until_s = self._times.right_until_s(asked_at_s)
        return True

    def _note_refusal(self, error: Exception) -> None:
        """Count a heartbeat that failed for what no waiting mends, as far as one such error tells.

        Raises:
            StorageError: when there were so many in a row that a time to live is over.
        """
        self._refused += 1
        if self._refused >= BEATS_A_TTL:
            if isinstance(error, StorageError):
                raise error
            raise StoreUnavailable(f"No heartbeat can be written: {error!r}") from error
        level = logging.WARNING if self._refused == 1 else logging.INFO
        log.log(level, "A heartbeat was refused: %r", error)

    async def _epochs(self, wanted: Callable[[int], bool]) -> list[int]:
        epochs = await self._clock.in_thread(self._store.epochs)
        return [epoch for epoch in epochs if wanted(epoch)]

    def _next(self, state: HeartbeatState) -> Heartbeat:
        self._beat += 1
        self._has_run = self._has_run or state == "running"
        return Heartbeat(state=state, beat=self._beat, has_run=self._has_run)

    def _log_wait(self, elders: OtherAttempts, until_s: float) -> None:
        log.info(
            "%s earlier attempt(s) of this run may still be at work. %s Work continues in %s at the "
            "latest, while the store answers.",
            len(elders.waited_for),
            self._reason(elders),
            format_duration(until_s - self._clock.now_s()),
        )

    def _reason(self, elders: OtherAttempts) -> str:
        if elders.has_missed:
            return "This time does not count, because the store did not answer: they cannot write."
        if elders.is_any_heard:
            return "They write heartbeats: they end their calls in flight and keep the answers."
        silence = format_duration(self._times.silence_s)
        return f"Waiting until they release the lease, or have written nothing for {silence}."


class Patience:
    """How long a wait goes on in which the store answers nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered_at_s = clock.now_s()

    def take_in(self, *, is_answered: bool) -> None:
        """Take in a round.

        Raises:
            StoreUnavailable: the store has answered nothing for two minutes.
        """
        now_s = self._clock.now_s()
        if is_answered:
            self._answered_at_s = now_s
        elif now_s - self._answered_at_s > STORE_PATIENCE_S:
            raise StoreUnavailable(
                f"The store did not answer this attempt's heartbeats for "
                f"{format_duration(now_s - self._answered_at_s)}. A retry of the task goes on."
            )
