"""Holds this attempt's lease: waits for older attempts, keeps the right to pay, gives it up.

The rules are in `core.lease`; what they are for is in `provider/docs/ARCHITECTURE.md`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.core.lease import BEATS_A_TTL, Heartbeat, Watch, do_meet
from airflow_provider_aimlapi.core.report import format_duration
from airflow_provider_aimlapi.engine.companions import beside
from airflow_provider_aimlapi.engine.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    RunInterrupted,
    StorageError,
    StoreUnavailable,
)
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.core.lease import HeartbeatState, LeaseTimes
    from airflow_provider_aimlapi.core.manifest import Manifest
    from airflow_provider_aimlapi.engine.clock import Clock
    from airflow_provider_aimlapi.engine.stop import StopSignal
    from airflow_provider_aimlapi.storage.lease_store import LeaseStore

log = logger(__name__)
SILENT_MAX = 256
"""Attempts that neither let go nor were waited for: those of all shares at once, and a few that were
killed. A look at one takes milliseconds; at many more, it would take longer than silence is proven by,
and the wait would never end."""
T = TypeVar("T")


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

    async def wait_for_elders(self) -> None:
        """Return once no older attempt can pay any more, with the right to pay.

        Raises:
            Superseded: when a newer attempt has begun meanwhile.
            RunInterrupted: when the run was asked to stop.
            StorageError: when the store refuses, and goes on to.
        """
        watches: dict[int, Watch] = {}
        told = False
        while not await self._are_over(watches):
            if not told:
                self._tell(watches)
                told = True
            if not await self._beat_once("waiting"):
                _miss(watches)  # perhaps nobody can write: then their silence means nothing
            await self._wait_or_stop()
        await self.renew()

    async def renew(self) -> None:
        """Get the right back that lapsed while the store was away. Raises as `wait_for_elders`."""
        while not (await self._beat_once("running") and self.may_pay()):
            await self._wait_or_stop()

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
        watches: dict[int, Watch] = {}
        while True:
            try:
                are_over = await self._look(
                    await self._epochs(lambda epoch: epoch > self.epoch), watches
                )
                result = await self._clock.in_thread(read_result)
                if result is not None or are_over:
                    return result
            except StoreUnavailable as error:
                log.info("Waiting for the newer attempt: %s", error)
                _miss(watches)
            await self._wait_or_stop()

    async def _keep_until_lost(self) -> AimlapiError | None:
        """Returns why the right was lost; None when told to let go before it was."""
        while not await self._is_let_go_of():
            try:
                await self._beat_once("running")
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

    async def _wait_or_stop(self) -> None:
        """Wait an interval; end at once when the run is asked to stop."""
        try:
            async with asyncio.timeout(self._times.interval_s):
                await self._stop.wait()
        except TimeoutError:
            return
        raise RunInterrupted("The run was asked to stop while it waited for another attempt.")

    async def _are_over(self, watches: dict[int, Watch]) -> bool:
        try:
            older = await self._epochs(lambda epoch: epoch < self.epoch)
            return await self._look(older, watches)
        except StoreUnavailable:
            _miss(watches)
            return False

    async def _look(self, epochs: list[int], watches: dict[int, Watch]) -> bool:
        """Look at the heartbeats of those that are not over, newest first; whether all are."""
        for epoch in reversed(epochs):
            watch = watches.setdefault(epoch, Watch(self._times))
            if not watch.is_over and await self._was_waited_for(epoch, watches):
                watch.excuse()
            if watch.is_over:
                continue
            asked_at_s = self._clock.now_s()  # suspended, we prove less of a silence: never more
            try:
                heartbeat = await self._clock.in_thread(self._store.heartbeat, epoch)
            except StoreUnavailable:
                watch.miss()
                continue
            watch.see(heartbeat, asked_at_s=asked_at_s, answered_at_s=self._clock.now_s())
        left = sum(not watches[epoch].is_over for epoch in epochs)
        if left > SILENT_MAX:
            raise self._store.unreadable(f"has {left:,} leases whose owners have not let go")
        return not left

    async def _was_waited_for(self, epoch: int, watches: dict[int, Watch]) -> bool:
        """Whether a later attempt has run, which could not before this one was over."""
        for later in [later for later in watches if later > epoch and watches[later].has_run]:
            share, other = [
                await self._clock.in_thread(self._store.share_of, one) for one in (epoch, later)
            ]
            if do_meet(share, other):
                return True
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

    def _tell(self, watches: dict[int, Watch]) -> None:
        log.info(
            "%s earlier attempt(s) of this run may still be at work. Waiting until they let go, "
            "or have said nothing for %s.",
            sum(not watch.is_over for watch in watches.values()),
            format_duration(self._times.silence_s),
        )


def _miss(watches: dict[int, Watch]) -> None:
    for watch in watches.values():
        watch.miss()
