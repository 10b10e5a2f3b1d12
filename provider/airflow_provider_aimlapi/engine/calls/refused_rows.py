"""Hold refused rows until another row is answered, then send them once more.

`core.verdicts.refusals` decides, and this module acts. The call that shows the cause is an ordinary
one, of the next row of the feed, so no row is paid for twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_aimlapi.api.account import Account
from airflow_provider_aimlapi.core.verdicts.refusals import REFUSALS_MAX, Door, Refusals, Suspect
from airflow_provider_aimlapi.engine.calls.failed_rows import failure_record
from airflow_provider_aimlapi.errors import AccessRefused, ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
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
    """A row, and the refusal that it waits for; None if an earlier attempt received the refusal."""

    row: Row
    error: AccessRefused | None


class RejectRefused(Protocol):
    """Ends a row that is refused for itself."""

    def __call__(self, row: Row, error: AccessRefused, *, is_final: bool) -> None:
        """Reject a row.

        Args:
            is_final: whether its duplicates are rejected with it.
        """
        ...


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
    reject: RejectRefused
    _refusals: Refusals[Refused] = field(default_factory=Refusals)  # decides
    _was_account_asked: bool = False  # it is fetched once at most

    def __len__(self) -> int:
        return len(self._refusals.waiting)

    def hold_row(self, row: Row) -> None:
        """Hold a row that an earlier attempt has left undecided."""
        self._refusals.add_undecided(Refused(row, None))

    def hold_refused(self, row: Row, error: AccessRefused) -> None:
        """Hold a row, and close admission or end the run if that follows."""
        suspect = Suspect(
            row=Refused(row, error),
            status=error.status or 0,
            number=row.number,
            sent=self.limiter.requests,
            own=row.refusals,
            was_refused=row.was_refused,
        )
        door = self._refusals.door
        self._refusals.add_refused(suspect, in_flight=self.limiter.in_flight)
        if self._refusals.door is Door.LOCKED:
            self._end_by_refusal(_SECOND.format(status=error.status))
        elif self._refusals.door is not door:
            log.info(
                "%s No new calls until another row shows whether it is refused, too.", error.refusal
            )
        self._follow_door()

    def note_answer(self, row: Row) -> None:
        """Send rows once more, or reject them, if this answer shows that they are the cause."""
        door = self._refusals.door
        self._go_on(self._refusals.count_answer(row.number), is_own=True)
        if self._refusals.door is not door:
            log.info(
                "Another row was answered, so calls continue and refused rows are sent once more."
            )
        self._follow_door()

    async def without_others(self) -> None:
        """Decide without another row, because none is left or in flight: send rows, or end the run."""
        account = await self._ask_account()
        if account is not None and not account.is_ready:
            self._end_by_refusal(_ACCOUNT)
            return
        if account is not None and self._may_vouch(account):
            log.info("No other row is left. Key and credit are fine, so the rows are the cause.")
            suspects, is_own = self._refusals.vouch_for_rows(for_all=True), True
        else:
            suspects, is_own = self._refusals.without_others(self.limiter.requests)
        if not suspects:
            self._end_by_refusal(_NO_OTHER)
        self._go_on(suspects, is_own=is_own, is_last=True)
        self._follow_door()

    def end_at_once(self, row: Row, error: AccessRefused) -> None:
        """End the run by its first call, which was to find out if the API accepts calls."""
        self._keep_for_later(row, error)
        self.ending.end_admission(error)

    def _go_on(
        self, suspects: list[Suspect[Refused]], *, is_own: bool, is_last: bool = False
    ) -> None:
        """Send rows again, or reject them.

        Args:
            is_own: whether the last refusal was about the row.
            is_last: whether no other rows are left, so that duplicates are rejected with them.
        """
        for row, error in (suspect.row for suspect in suspects):
            if error is not None:
                # Only a refusal that concerned the row alone counts. A row that is sent to find
                # out is not blamed.
                row.refusals += is_own
                is_used_up = row.failures + row.refusals >= self.settings.max_attempts
                if row.refusals >= REFUSALS_MAX or (is_own and is_used_up):
                    self.reject(row, error, is_final=is_last)
                    continue
            self.feed.release_row(row)

    def _follow_door(self) -> None:
        self.limiter.go_alone(is_alone=self._refusals.door is Door.SHUT)

    async def _ask_account(self) -> Account | None:
        """Fetch balance and key, once, if no row can show the cause. None if they cannot either.

        If no row was ever answered, they would change nothing.
        """
        has_answers = self._refusals.answers or self._was_answered_before()
        is_worthwhile = has_answers and ABOUT_ACCOUNT & self._undecided_statuses()
        if self._was_account_asked or not is_worthwhile:
            return None
        self._was_account_asked = True
        try:
            return await self.world.ask_account() if self.world.ask_account else None
        except AccessRefused:
            # The account's own page refuses the key, so the key is the cause.
            return Account(is_disabled=True)
        except ApiError:
            return None

    def _may_vouch(self, account: Account) -> bool:
        """Return whether the account, in which nothing is wrong, shows that the rows are refused.

        That holds only in a later attempt in which every row left was refused, after rows were
        answered in earlier ones, and for no more rows than may be rejected.
        """
        return not (
            account.gaps
            or account.explains_refusal_until_midnight
            or self._undecided_statuses() - ABOUT_ACCOUNT
            or self._refusals.answers
            or not self._was_answered_before()
            or len(self) + self.collector.duplicates.waiting > self.collector.rejections_left
        )

    def _was_answered_before(self) -> int:
        """Return how many answers earlier attempts, or earlier runs with the same requests, received."""
        return self.collector.counts_reused.completed_rows or self.collector.counts.reused_answers

    def _undecided_statuses(self) -> set[int]:
        return {suspect.status for suspect in self._refusals.waiting if suspect.number}

    def _end_by_refusal(self, why: str) -> None:
        """End the run with the first refusal. No row is rejected, and a retry sends others first."""
        errors = []
        for row, error in (suspect.row for suspect in self._refusals.waiting):
            if error is not None:
                errors.append(error)
                self._keep_for_later(row, error)
        # There is one, because the run ends here only after a refusal in this attempt.
        first = errors[0]
        self.ending.end_admission(
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
