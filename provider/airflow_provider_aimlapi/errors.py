"""All errors of this provider, sorted by who must act next.

    AimlapiError
    ├─ SetupError            a person must change something; nothing was spent    → fail, no retry
    │   ├─ ConnectionIncomplete
    │   ├─ InvalidSpec
    │   └─ InputUnreadable
    ├─ ApiError              the API refused, or did not answer (status, request_id)
    │   ├─ ApiUnavailable      5xx, 408, 409, 421, 423, 425, time-out, no connection → wait, try again
    │   │   └─ Throttled         429: too many calls; nothing is wrong with the row
    │   ├─ RequestRejected     400, 413, 422, …: this request is not accepted     → once more, then reject
    │   ├─ AccessRefused       401 to 405, a redirect: one row, or all rows       → another row decides
    │   │   └─ SpendingLimitReached  the key's limit for today                    → wait for 00:00 UTC
    │   ├─ WireViolation       the answer does not parse, or breaks a limit       → a few tries, then reject
    │   └─ AnswerInvalid       a single call's answer does not follow the schema  → fail, no retry
    ├─ StorageError
    │   ├─ StoreUnavailable    the store did not answer                           → retry the task
    │   ├─ StoreUnsafe         the store cannot create "only if absent"           → fail, no retry
    │   └─ JournalUnreadable   what a run wrote does not read back                → fail, keep everything
    └─ RunStopped
        ├─ RunHalted           a limit that the user set was reached              → fail, no retry
        │   ├─ BudgetExhausted
        │   ├─ TooManyRejections
        │   ├─ TooManyTruncations
        │   └─ InstructionsDropped
        └─ RunInterrupted      SIGTERM, a cleared task                            → a retry continues

`airflow_provider_aimlapi.operators.airflow_errors` maps each of them to Airflow's retry or fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from typing import Unpack

    from airflow_provider_aimlapi.answer import Answer

_ID = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,200}")


class AimlapiError(Exception):
    """The root of all errors that this provider raises on purpose.

    Its text is one line of printable characters, also where it quotes foreign text.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable_text(message))


class SetupError(AimlapiError):
    """A person must change something. A retry of the task would meet the same error.

    It is raised before any call, with one exception: a page of the input turns out to be corrupt when
    the run reads it. Answers that were paid until then are kept.
    """


class ConnectionIncomplete(SetupError):
    """The Airflow connection cannot be used.

    It lacks a key, or its host is no base URL that may receive a key. Or the proxy or the certificates
    of the connection or of the environment cannot be used.
    """


class InvalidSpec(SetupError):
    """An argument, a prompt template or a model's parameter is wrong; the text names the fix."""


class InputUnreadable(SetupError):
    """The input is missing or corrupt, or its files have schemas that cannot be combined."""


class Facts(TypedDict, total=False):
    """The arguments of every `ApiError` besides its message; see its attributes."""

    in_full: str
    status: int | None
    request_id: str | None
    is_perhaps_billed: bool


class ApiError(AimlapiError):
    """A call that gave no completion.

    Its text goes into logs, pages and events. It holds no text of a row, whatever the API answered.

    Attributes:
        in_full: the text with the API's own message, which may quote the row. It belongs into the
            row's own record and nowhere else.
        status: the HTTP status; None if no answer came.
        request_id: the API's own id of the call, for a support ticket. None if it is unknown, or does
            not look like an id.
        is_perhaps_billed: whether the API may have charged for the call: the answer was lost, or
            could not be parsed.
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
        retry_after_s: the seconds in the answer's Retry-After header; None without one. The API has
            never been seen to send it.
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
    """429: a rate or concurrency limit. It does not depend on the row, so it uses up no attempt."""


class RequestRejected(ApiError):
    """400, 413, 422 or another 4xx: the API does not accept this request. It is not billed.

    A run sends the row once more, because a gateway's 4xx may pass. Then it rejects the row. It
    rejects it at once after 413 and 422, which do not pass.
    """


class AccessRefused(ApiError):
    """401 to 405, or a redirect: the API refuses the key, the account, the model or the row.

    One refused row does not end a run, because another row decides; see `core.verdicts.refusals`. A run
    ends with this error after a second refused row, or if no row is left. Answers in flight are kept,
    and no row is rejected. After a person has acted, the next try continues there. Without a status, a
    certificate is not valid or a proxy refuses, and nothing was sent.

    Attributes:
        refusal: the text without the remedy, for the record of a rejected row.
        remedy: what to do about it.
    """

    def __init__(self, refusal: str, *, remedy: str = "", **facts: Unpack[Facts]) -> None:
        # The remedy comes first, because Airflow's log view shows about 110 characters of a line.
        text = f"{remedy} {refusal.removesuffix('.')}." if remedy else refusal
        super().__init__(text, **(facts | {"in_full": facts.get("in_full") or refusal}))
        self.refusal = refusal
        self.remedy = remedy


class SpendingLimitReached(AccessRefused):
    """The key has reached its spending limit for a day, which resets at 00:00 UTC.

    Calls for balance and key distinguish it from the other causes of a 403. An earlier retry would
    meet it again, so only a task with a retry policy retries, because a policy can wait that long.
    """


class WireViolation(ApiError):
    """An answer that does not parse, does not follow the schema, or exceeds one of our limits.

    It may have been billed. The row is sent again a few times and then rejected.

    Attributes:
        cost_nano_usd: the cost that the answer reports, in its headers or in a readable part of its
            body; None if it reports none.
        answer: the answer, for the journal, without its body if the body exceeded a limit. None if no
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


class AnswerInvalid(ApiError):
    """The answer to a single call does not follow `output_schema`, after all repairs. It was billed.

    In a run, such a row has the status `invalid`.

    Attributes:
        text: the last answer, which may quote the prompt; None for none.
        cost_nano_usd: the cost of all calls; None if the API did not report it.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str | None = None,
        cost_nano_usd: int | None = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, **facts)
        self.text = text
        self.cost_nano_usd = cost_nano_usd


class StorageError(AimlapiError):
    """The object store of the input or the output failed."""


class StoreUnavailable(StorageError):
    """The store did not answer, or answered with an error that may pass. A retry continues the run."""


class StoreUnsafe(StorageError):
    """The store does not let us write, or ignores "only if absent". Found before money is spent."""


class JournalUnreadable(StorageError):
    """A stored object of this run does not read back as what was written. Nothing is deleted."""


class RunStopped(AimlapiError):
    """The run ended before all rows were done. Paid answers are kept for the next attempt."""


class RunHalted(RunStopped):
    """A limit that the user set was reached, or the set-up is wrong. A retry would meet it again."""


class BudgetExhausted(RunHalted):
    """`max_cost_usd` is spent, or cannot be kept because the API does not report what it charged."""


class TooManyRejections(RunHalted):
    """More than `max_rejected_rows` rows were rejected, or all of the first rows for one reason."""


class TooManyTruncations(RunHalted):
    """More than `max_truncated_rows` answers were cut off at `max_tokens`."""


class InstructionsDropped(RunHalted):
    """The API answers as if it had not received the system text; see `core.arrival.judgement`.

    The answers are kept only for their cost. The next try meets the same error, unless the model id
    changes, or `check_arrival=False` declares that the answers are good.
    """


class RunInterrupted(RunStopped):
    """SIGTERM or a cleared task. The answers of calls in flight were kept, and a retry continues."""
