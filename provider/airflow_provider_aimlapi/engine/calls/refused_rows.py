"""Rows whose calls were refused: they wait here, and go once more when another row was answered.

`core.verdicts.refusals` decides; this carries it out. A call that is sent to find out is an ordinary one, of
the next row of the feed: nothing is asked for twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.api.account import Account
from airflow_provider_aimlapi.core.verdicts.refusals import REFUSALS_MAX, Door, Refusals, Suspect
from airflow_provider_aimlapi.engine.calls.failed_rows import failure_record
from airflow_provider_aimlapi.errors import AccessRefused, ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.calls.feed import Feed
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.durable.collector import Collector
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.ending import Ending
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)

ABOUT_ACCOUNT = frozenset({401, 402, 403})
"""Statuses for which the account can say whether key and credit are the cause."""
_SECOND = (
    "One other row was refused, too (HTTP {status}), and none was answered in between: it is not "
    "the row."
)
_NO_OTHER = (
    "No other row is left to send, so it is not known whether the row or the key is refused."
)
_ACCOUNT = "No other row is left to send, and key or account are not fine."


class Refused(NamedTuple):
    """A row and why it waits; None where an earlier attempt was told why."""

    row: Row
    error: AccessRefused | None


@dataclass(slots=True, kw_only=True)
class RefusedRows:
    """The refused rows of an attempt.

    Attributes:
        reject: ends a row without a completion.
    """

    settings: Settings
    world: World
    collector: Collector
    feed: Feed
    limiter: Limiter
    ending: Ending
    reject: Callable[[Row, AccessRefused], None]
    _refusals: Refusals[Refused] = field(default_factory=Refusals)
    _was_account_asked: bool = False

    def __len__(self) -> int:
        return len(self._refusals.waiting)

    def wait(self, row: Row) -> None:
        """Let a row wait that an earlier attempt left undecided."""
        self._refusals.wait(Refused(row, None))

    def refused(self, row: Row, error: AccessRefused) -> None:
        """Let a row wait, and stop admission or end the run where that follows."""
        suspect = Suspect(
            row=Refused(row, error),
            status=error.status or 0,
            number=row.number,
            sent=self.limiter.requests,
            own=row.refusals,
            was_refused=row.was_refused,
        )
        door = self._refusals.door
        self._refusals.refused(suspect, in_flight=self.limiter.in_flight)
        if self._refusals.door is Door.LOCKED:
            self._end(_SECOND.format(status=error.status))
        elif self._refusals.door is not door:
            log.info("%s No new calls until another row shows whose refusal it is.", error.refusal)
        self._follow_door()

    def answered(self, row: Row) -> None:
        """Send rows once more, or reject them, if this answer shows that they are to blame."""
        door = self._refusals.door
        self._go_on(self._refusals.answered(row.number), is_own=True)
        if self._refusals.door is not door:
            log.info("Another row was answered: calls go on, and refused rows are sent once more.")
        self._follow_door()

    async def without_others(self) -> None:
        """Decide when the feed has no other row and none is in flight: rows go, or the run ends."""
        account = await self._ask_account()
        if account is not None and not account.is_ready:
            self._end(_ACCOUNT)
            return
        if account is not None and self._may_vouch(account):
            log.info("No other row is left. Key and credit are fine: the rows are to blame.")
            suspects, is_own = self._refusals.vouch(for_all=True), True
        else:
            suspects, is_own = self._refusals.without_others(self.limiter.requests)
        if not suspects:
            self._end(_NO_OTHER)
        self._go_on(suspects, is_own=is_own)
        self._follow_door()

    def end_at_once(self, row: Row, error: AccessRefused) -> None:
        """End the run by its first call, which was to find out whether the API takes any."""
        self._keep_for_later(row, error)
        self.ending.halt(error)

    def _go_on(self, suspects: list[Suspect[Refused]], *, is_own: bool) -> None:
        for row, error in (suspect.row for suspect in suspects):
            if error is not None:
                row.refusals += is_own
                is_used_up = row.failures + row.refusals >= self.settings.max_attempts
                if row.refusals >= REFUSALS_MAX or (is_own and is_used_up):
                    self.reject(row, error)
                    continue
            self.feed.release(row)

    def _follow_door(self) -> None:
        self.limiter.go_alone(is_alone=self._refusals.door is Door.SHUT)

    async def _ask_account(self) -> Account | None:
        """Ask for balance and key, once, where no row can tell. None when they tell nothing either.

        Where no row was ever answered, whatever they tell would change nothing.
        """
        has_answers = self._refusals.answers or self.collector.counts_reused.completed
        is_worthwhile = has_answers and ABOUT_ACCOUNT & self._statuses()
        if self._was_account_asked or not is_worthwhile:
            return None
        self._was_account_asked = True
        try:
            return await self.world.ask_account() if self.world.ask_account else None
        except AccessRefused:
            return Account(is_disabled=True)
        except ApiError:
            return None

    def _may_vouch(self, account: Account) -> bool:
        """Whether the account, in which nothing is wrong, shows that refusals are the rows' own.

        Only in a later attempt, in which every row left was refused, while rows were answered in
        earlier ones; and for no more rows than may be rejected.
        """
        return not (
            account.gaps
            or account.explains_refusal_until_midnight
            or self._statuses() - ABOUT_ACCOUNT
            or self._refusals.answers
            or not self.collector.counts_reused.completed
            or len(self) > self.collector.rejections_left
        )

    def _statuses(self) -> set[int]:
        return {suspect.status for suspect in self._refusals.waiting if suspect.number}

    def _end(self, why: str) -> None:
        """End the run for the first refusal. No row is rejected; the next attempt sends others first."""
        errors = []
        for row, error in (suspect.row for suspect in self._refusals.waiting):
            if error is not None:
                errors.append(error)
                self._keep_for_later(row, error)
        first = errors[0]
        self.ending.halt(
            AccessRefused(
                f"{first.refusal.removesuffix('.')}. {why}",
                remedy=first.remedy,
                in_full=f"{first.in_full.removesuffix('.')}. {why}",
                status=first.status,
                request_id=first.request_id,
            )
        )

    def _keep_for_later(self, row: Row, error: AccessRefused) -> None:
        self.collector.note_failed(row.part, failure_record(row, error))
