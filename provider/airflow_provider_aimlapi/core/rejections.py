"""When rejected rows end a run: too many of them, or all of the first ones. Counts, decides."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_ANSWERS = 20
"""So many rejections by the same status, before any acceptance, mean a wrong set-up."""


@dataclass(slots=True, kw_only=True)
class Rejections:
    """The rejected rows of a run.

    Attributes:
        allowed: rows that may be rejected; one more ends the run.
        rows: rejected so far.
        answers: calls answered with a rejection so far, those included after which a row is sent
            once more.
        accepted: rows answered with a completion so far.
        first_status: the HTTP status of the first of them; None before it.
        is_uniform: whether all of them had that status.
    """

    allowed: int
    rows: int = 0
    answers: int = 0
    accepted: int = 0
    first_status: int | None = None
    is_uniform: bool = True

    def take_over(self, *, rejected: int, completed: int) -> str | None:
        """Count the rows of durable parts, which earlier attempts decided; return as `reject`."""
        self.rows += rejected
        self.accepted += completed
        return self._too_many("It is in a part that an earlier attempt wrote.")

    def accept(self) -> None:
        """Count an answered row."""
        self.accepted += 1

    def reject(self, reason: str, status: int | None) -> str | None:
        """Count a rejected row; return why the run must end, or None while it may go on.

        Args:
            reason: for the text. status: the HTTP status; None when the row was never sent.
        """
        self.rows += 1
        wrong_setup = self.answer(reason, status)
        return self._too_many(reason) or wrong_setup

    def answer(self, reason: str, status: int | None) -> str | None:
        """Count a rejecting answer, whatever becomes of its row; return as `reject`."""
        if status is not None:
            self.answers += 1
            self.first_status = self.first_status or status
            self.is_uniform = self.is_uniform and status == self.first_status
        if self.accepted == 0 and self.is_uniform and self.answers >= FIRST_ANSWERS:
            return (
                f"The first {self.answers} answers were all rejected with the same status, so the "
                f"set-up is wrong, not the rows. Nothing was published. The last one: {reason}"
            )
        return None

    def _too_many(self, reason: str) -> str | None:
        if self.rows <= self.allowed:
            return None
        return (
            f"{self.rows:,} rows were rejected, and max_rejected_rows allows {self.allowed:,}. "
            f"Nothing was published; everything paid for is kept. Raise max_rejected_rows, or "
            f"clear the task with retry_rejected=True to ask for them again. The last one: {reason}"
        )
