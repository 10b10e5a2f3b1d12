"""Hold this attempt's lease: wait for older attempts, keep the right to pay, release it.

The rules are in `core.durable.lease`; their purpose is in `provider/docs/ARCHITECTURE.md`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.core.durable.lease import BEATS_A_TTL, Heartbeat
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.engine.durable.other_attempts import OtherAttempts
from airflow_provider_aimlapi.engine.runtime.companions import run_beside
from airflow_provider_aimlapi.engine.runtime.retry import STORE_PATIENCE_S
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    RunInterrupted,
    StorageError,
    StoreUnavailable,
)
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from airflow_provider_aimlapi.core.durable.lease import HeartbeatState, LeaseTimes
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.storage.runs.lease_store import LeaseStore

log = logger(__name__)
T = TypeVar("T")


async def _report_nothing(_left_s: float) -> None:
    """Ignore a wait that no page shows."""


@asynccontextmanager
async def held_lease(leases: LeaseStore, times: LeaseTimes, world: World) -> AsyncIterator[Lease]:
    """Create the next epoch, yield its lease, and release it however the work inside ends.

    The work may make its first call only after `Lease.wait_for_elders`.
    """
    epoch = await world.scan(leases.acquire_epoch, token=secrets.token_hex(16))
    lease = Lease(leases, epoch, times=times, clock=world.clock, stop=world.stop)
    try:
        yield lease
    finally:
        await lease.release_lease()


class Superseded(RunInterrupted):
    """A newer attempt of the same run has begun. This one stops paying, and waits for it."""


class Lease:
    """The right to pay of one epoch's owner.

    Attributes:
        epoch: the epoch.
        renewed_at_s: when the newest renewal of the right began, by `boot_s`. No newer attempt had
            begun then.
        released: the older epochs that were seen to have released their lease.
    """

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
        self.renewed_at_s = float("-inf")
        self.released: frozenset[int] = frozenset()
        self._stop = stop
        self._is_released = False
        self._let_go = asyncio.Event()  # the work is over: `keep_right` may end
        self._store = store
        self._times = times
        self._clock = clock.reserved  # no other work may delay a heartbeat
        self._beat = 0  # of the last heartbeat
        self._has_run = False  # whether this attempt ever had the right to pay
        self._refused = 0  # heartbeats refused in a row
        self._right_until_s = float("-inf")  # by `boot_s`

    def may_pay(self) -> bool:
        """Return whether a call may be made now, even if the machine was suspended before."""
        return self._clock.boot_s() < self._right_until_s

    async def wait_for_elders(
        self, report: Callable[[float], Awaitable[None]] = _report_nothing
    ) -> None:
        """Wait until no older attempt can pay any more, and take the right to pay.

        Args:
            report: called with the most seconds that the wait may take, whenever that changes.

        Raises:
            Superseded: a newer attempt has begun meanwhile.
            RunInterrupted: a stop was requested.
            StorageError: the store refuses, or does not answer, for minutes.
        """
        elders = OtherAttempts(self._store, self._times, self._clock)
        patience = Patience(self._clock)
        until_s = float("-inf")
        # Our own heartbeats show whether the store accepts writes. If it does not, the silence of the
        # elders proves nothing, and the round does not count.
        while not await self._are_over(elders, lambda epoch: epoch < self.epoch):
            if not await self._beat_once("waiting"):
                elders.miss_round()  # perhaps no attempt can write: then their silence means nothing
            if elders.until_s() > until_s + self._times.interval_s:
                until_s = elders.until_s()
                self._log_wait(elders, until_s)
                await report(until_s - self._clock.now_s())
            patience.note_round(is_answered=not elders.has_missed)
            await self._stop.pause_until_stop(self._times.interval_s)
        self.released = elders.released_epochs
        await self.renew_right()

    async def renew_right(self) -> None:
        """Take the right to pay again after it has lapsed. Raises as `wait_for_elders`."""
        patience = Patience(self._clock)
        while not (await self._beat_once("running") and self.may_pay()):
            patience.note_round(is_answered=False)
            await self._stop.pause_until_stop(self._times.interval_s)

    async def keep_right(self, lost: Callable[[AimlapiError], None]) -> None:
        """Renew the right to pay until `let_go` is called; see `while_kept`.

        Once the right is lost, heartbeats continue, because calls are in flight and their answers are
        not durable yet. They end after the longest time that this may take, in case the work hangs.

        Do not cancel this: a thread could then write a heartbeat after the release, and the next
        attempt would wait for a silence.
        """
        reason = await self._keep_until_lost()
        if reason is None:
            return
        lost(reason)
        until_s = self._clock.now_s() + self._times.request_timeout_s + STORE_PATIENCE_S
        while self._clock.now_s() < until_s and not await self._is_let_go_of():
            with suppress(AimlapiError):  # the right is lost already
                await self._beat_once("running")

    async def while_kept(self, work: Awaitable[T], *, lost: Callable[[AimlapiError], None]) -> T:
        """Do work, with heartbeats beside it from the first instant to the last.

        Args:
            lost: called with the reason once the right to pay cannot be renewed: a newer attempt has
                begun, or the store refuses. The work has to end by itself then. It is not cancelled,
                because answers that it has paid for would be lost.
        """
        failure: AimlapiError
        # The lease of a publication is used several times: an earlier use has set it.
        self._let_go.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run_beside(self.keep_right(lost), "lease keeper", lost))
            try:
                return await work
            except AimlapiError as error:  # passed around the group, which would wrap it
                failure = error
            finally:
                self.let_go()
        raise failure

    def let_go(self) -> None:
        """End `keep_right` once the heartbeat that it may be writing is written."""
        self._let_go.set()

    async def release_lease(self) -> None:
        """Write that this attempt will never pay again. If that fails, the next one waits longer."""
        self._right_until_s = float("-inf")
        if self._is_released:
            return
        # Set before the write: the work and `held_lease` both release, and one request is enough.
        self._is_released = True
        try:
            # Heartbeats are over by now, see `keep_right`. So none can overwrite `released`.
            await self._clock.in_thread(
                self._store.write_heartbeat, self.epoch, self._next_heartbeat("released")
            )
        except Exception as error:  # noqa: BLE001  # a run that has succeeded stays one
            log.warning("The lease could not be released, so the next attempt waits: %s", error)

    async def follow_newer(self, read_result: Callable[[], Manifest | None]) -> Manifest | None:
        """Wait for the newer attempts, and return their result; None if they ended without one.

        Args:
            read_result: reads the result if it is there; blocking.

        Raises:
            RunInterrupted: a stop was requested.
        """
        newer = OtherAttempts(self._store, self._times, self._clock)
        patience = Patience(self._clock)
        while True:
            # The heartbeats first: an attempt that ends after they were read has written its result
            # by then, or its release is seen in the next round.
            are_over = await self._are_over(newer, lambda epoch: epoch > self.epoch)
            if not newer.has_missed:
                try:
                    result = await self._clock.in_thread(read_result)
                except StoreUnavailable as error:
                    log.info("Waiting for the newer attempt: %s", error)
                    newer.miss_round()
                else:
                    # No result and no attempt that could still write one: the caller has to
                    # decide.
                    if result is not None or are_over:
                        return result
            patience.note_round(is_answered=not newer.has_missed)
            await self._stop.pause_until_stop(self._times.interval_s)

    async def _keep_until_lost(self) -> AimlapiError | None:
        """Renew the right; return why it was lost, or None if `let_go` was called before."""
        patience = Patience(self._clock)
        while not await self._is_let_go_of():
            try:
                patience.note_round(is_answered=await self._beat_once("running"))
            except AimlapiError as error:
                return error
        return None

    async def _is_let_go_of(self) -> bool:
        """Wait an interval, or until `let_go` is called; return whether it was."""
        try:
            async with asyncio.timeout(self._times.interval_s):
                await self._let_go.wait()
        except TimeoutError:
            return False
        return True

    async def _are_over(self, others: OtherAttempts, wanted: Callable[[int], bool]) -> bool:
        """Return whether none of them can pay any more; False if the store did not answer."""
        try:
            return await others.are_over(await self._wanted_epochs(wanted))
        except StoreUnavailable as error:
            log.info("The heartbeats of other attempts cannot be read: %s", error)
            others.miss_round()
            return False

    async def _beat_once(self, state: HeartbeatState) -> bool:
        """Write a heartbeat, then list the epochs; return whether the store allowed both.

        The order matters: an attempt that creates an epoch after our listing finds this heartbeat.

        Raises:
            Superseded: there is a newer epoch.
            StorageError: the store has refused heartbeats until the right lapsed.
        """
        # 1. The store does not answer: the right to pay lapses by itself if that lasts.
        # 2. It refuses: that may be a bug or a policy that passes, so refusals are counted.
        # 3. There is a newer epoch: this attempt is superseded.
        # 4. All is well: the right is renewed from the moment of the question, not of the answer.
        asked_at_s = self._clock.boot_s()
        try:
            await self._clock.in_thread(
                self._store.write_heartbeat, self.epoch, self._next_heartbeat(state)
            )
            newer = await self._wanted_epochs(lambda epoch: epoch > self.epoch)
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
                "it paid for, and waits for the newer one."
            )
        # While it waits for its elders, an attempt writes heartbeats but must not pay.
        if state == "running":
            self.renewed_at_s = asked_at_s
            self._right_until_s = self._times.right_until_s(asked_at_s)
        return True

    def _note_refusal(self, error: Exception) -> None:
        """Count a heartbeat that failed with an error that no wait seems to fix.

        Raises:
            StorageError: the heartbeats of a whole time to live have failed in a row.
        """
        self._refused += 1
        if self._refused >= BEATS_A_TTL:
            if isinstance(error, StorageError):
                raise error
            raise StoreUnavailable(f"No heartbeat can be written: {error!r}") from error
        level = logging.WARNING if self._refused == 1 else logging.INFO
        log.log(level, "A heartbeat was refused: %r", error)

    async def _wanted_epochs(self, wanted: Callable[[int], bool]) -> list[int]:
        epochs = await self._clock.in_thread(self._store.list_epochs)
        return [epoch for epoch in epochs if wanted(epoch)]

    def _next_heartbeat(self, state: HeartbeatState) -> Heartbeat:
        self._beat += 1
        # It never becomes false again, because later attempts rely on it: who has run has waited
        # for all before it.
        self._has_run = self._has_run or state == "running"
        return Heartbeat(state=state, beat=self._beat, has_run=self._has_run)

    def _log_wait(self, elders: OtherAttempts, until_s: float) -> None:
        log.info(
            "%s earlier attempt(s) of this run may still be at work. %s Work continues in %s at the "
            "latest, if the store answers.",
            len(elders.waited_for),
            self._reason_of_wait(elders),
            format_duration(until_s - self._clock.now_s()),
        )

    def _reason_of_wait(self, elders: OtherAttempts) -> str:
        if elders.has_missed:
            return (
                "This time does not count, because the store did not answer, so they cannot write."
            )
        if elders.is_any_heard:
            return "They write heartbeats, so they wait for their calls in flight and keep the answers."
        silence = format_duration(self._times.silence_s)
        return f"Waiting until they release the lease, or write nothing for {silence}."


class Patience:
    """The limit on a wait in which the store answers nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered_at_s = clock.now_s()

    def note_round(self, *, is_answered: bool) -> None:
        """Count a round of requests to the store.

        Raises:
            StoreUnavailable: the store has answered nothing for two minutes.
        """
        now_s = self._clock.now_s()
        if is_answered:
            self._answered_at_s = now_s
        elif now_s - self._answered_at_s > STORE_PATIENCE_S:
            raise StoreUnavailable(
                f"The store did not answer this attempt's heartbeats for "
                f"{format_duration(now_s - self._answered_at_s)}. A retry of the task continues."
            )
