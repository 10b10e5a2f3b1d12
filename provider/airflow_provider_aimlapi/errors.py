"""Every error of this provider, sorted by who must act next. Decides nothing.

    AimlapiError
    ├─ SetupError            a person must change something; nothing was spent    → fail, no retry
    │   ├─ ConnectionIncomplete
    │   ├─ InvalidSpec
    │   └─ InputUnreadable
    ├─ ApiError              the API said no, or nothing (status, request_id)
    │   ├─ ApiUnavailable      5xx, 408, 409, 421, 423, 425, time-out, no connection → wait, try again
    │   │   └─ Throttled         429: too fast, nothing is wrong with the row
    │   ├─ RequestRejected     400, 413, 422, …: this request is not accepted     → once more, then reject
    │   ├─ AccessRefused       401 to 405, a redirect: the row's, or for all rows → another row decides
    │   │   └─ SpendingLimitReached  the key's limit for today                    → wait for 00:00 UTC
    │   └─ WireViolation       the answer does not parse, or breaks a limit       → a few tries, then reject
    ├─ StorageError
    │   ├─ StoreUnavailable    the store did not answer                           → retry the task
    │   ├─ StoreUnsafe         the store cannot create "only if absent"           → fail, no retry
    │   └─ JournalUnreadable   what we wrote does not read back                   → fail, keep everything
    └─ RunStopped
        ├─ RunHalted           a limit that the user set was met                  → fail, no retry
        │   ├─ BudgetExhausted
        │   ├─ TooManyRejections
        │   └─ InstructionsDropped
        └─ RunInterrupted      SIGTERM, a cleared task                            → a retry takes up here

`airflow_provider_aimlapi.operators.airflow_errors` turns each into Airflow's retry or fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from airflow_provider_aimlapi.printable import printable

if TYPE_CHECKING:
    from typing import Unpack

    from airflow_provider_aimlapi.answer import Answer

_ID = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,200}")


class AimlapiError(Exception):
    """The root: catch it to catch everything that this provider raises on purpose.

    Its text is one line: what it quotes was made printable, whoever wrote it.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class SetupError(AimlapiError):
    """Something must be changed by a person; a retry of the task would meet the same error.

    Raised before any call, with one exception: a page of the input that turns out to be corrupt
    once the run has come to it. What was paid for until then is kept.
    """


class ConnectionIncomplete(SetupError):
    """The Airflow connection lacks a key, or its host is no base URL that a key may be sent to.

    Or a proxy or certificates, of the connection or of the environment, cannot be used.
    """


class InvalidSpec(SetupError):
    """An argument, a prompt template or a model's parameter is wrong; the text names the fix."""


class InputUnreadable(SetupError):
    """The input is missing, corrupt, or of schemas that cannot be brought together."""


class Facts(TypedDict, total=False):
    """What every `ApiError` takes beside its message; see its attributes."""

    in_full: str
    status: int | None
    request_id: str | None
    is_perhaps_billed: bool


class ApiError(AimlapiError):
    """An exchange with the API that gave no completion.

    Its text goes into logs, pages and events. It holds no text of a row, whatever the API said.

    Attributes:
        in_full: the same with the API's own words, which may quote the row. It belongs into the
            row's own record, and nowhere else.
        status: the HTTP status, or None when no answer came.
        request_id: the API's own id of the exchange, for a support ticket; None when unknown, or when
            what the API sent does not look like an id.
        is_perhaps_billed: whether the API may have charged for the exchange all the same: an
            answer was lost on its way, or came and could not be read.
    """

    def __init__(
        self,
        message: str,
        *,
        in_full: str = "",
        status: int | None = None,
        request_id: str | None = None,
        is_perhaps_billed: bool = False,
    ) -> None:
        super().__init__(message)
        self.in_full = in_full or str(self)
        self.status = status
        self.request_id = request_id if request_id and _ID.fullmatch(request_id) else None
        self.is_perhaps_billed = is_perhaps_billed


class ApiUnavailable(ApiError):
    """5xx, a time-out or a broken connection: the same request may succeed later.

    Attributes:
        retry_after_s: what the answer's Retry-After asked for, in seconds; None when it asked
            for nothing (the API has never been seen to).
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.retry_after_s = retry_after_s


class Throttled(ApiUnavailable):
    """429: a rate or concurrency limit. Says nothing about the row, so it uses up no attempt."""


class RequestRejected(ApiError):
    """400, 413, 422 or another 4xx: this request is not accepted. Billed nothing.

    A run sends its row once more, because a gateway's 4xx may pass; 413 and 422 do not. Then the row
    is rejected.
    """


class AccessRefused(ApiError):
    """401 to 405, or a redirect: the key, the account, the model or the row is refused.

    One refused row ends no run: another row decides, see `core.verdicts.refusals`. A run ends with this
    error once a second row was refused, too, or none is left. What is in flight is kept, no row is
    rejected for it, and the next attempt of the task goes on from there, after a person has acted.
    Without a status, a certificate does not hold, or a proxy refuses; nothing was sent.

    Attributes:
        refusal: the text without what to do about it: what a rejected row says.
        remedy: what to do about it.
    """

    def __init__(self, refusal: str, *, remedy: str = "", **facts: Unpack[Facts]) -> None:
        text = f"{refusal.removesuffix('.')}. {remedy}" if remedy else refusal
        super().__init__(text, **(facts | {"in_full": facts.get("in_full") or refusal}))
        self.refusal = refusal
        self.remedy = remedy


class SpendingLimitReached(AccessRefused):
    """The key has spent what it may spend in a day; the API lets it go on at 00:00 UTC.

    Told apart from the other causes of a 403 by asking for balance and key. A retry before that
    meets it again, so that only a retry policy, which can wait so long, makes one.
    """


class WireViolation(ApiError):
    """An answer that does not parse, lacks what the schema promises, or breaks a limit of ours.

    It may have been billed. Tried again a few times, then the row is rejected.

    Attributes:
        cost_nano_usd: what the answer says it cost, in its headers or in what could be read of
            it; None when it does not say.
        answer: the answer, for the journal; without its body if the body broke a limit. None if no
            answer came that may have been billed.
    """

    def __init__(
        self,
        message: str,
        *,
        cost_nano_usd: int | None = None,
        answer: Answer | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.cost_nano_usd = cost_nano_usd
        self.answer = answer


class StorageError(AimlapiError):
    """The object store under the input or the output."""


class StoreUnavailable(StorageError):
    """The store did not answer, or answered with an error that may pass. A task retry resumes."""


class StoreUnsafe(StorageError):
    """The store may not be written, or ignores "only if absent". Found before money is spent."""


class JournalUnreadable(StorageError):
    """A durable object of this run does not read back as what was written. Nothing is deleted."""


class RunStopped(AimlapiError):
    """The run ended before all rows were done. What was paid for is kept for the next attempt."""


class RunHalted(RunStopped):
    """A limit that the user set was met, or the set-up is wrong; a retry would meet it again."""


class BudgetExhausted(RunHalted):
    """`max_cost_usd` is spent, or cannot be kept because the API does not say what it charged."""


class TooManyRejections(RunHalted):
    """More rows than `max_rejected_rows` were rejected, or all rows of the opening for one reason."""


class InstructionsDropped(RunHalted):
    """The API answers as if it had not received the system text; see `core.arrival.judgement`.

    What was answered is kept for its cost only. The next try meets the same, unless the model id is
    another one, or `check_arrival=False` says that the answers are good.
    """


class RunInterrupted(RunStopped):
    """SIGTERM or a cleared task: calls in flight were drained and kept. A retry takes up here."""
