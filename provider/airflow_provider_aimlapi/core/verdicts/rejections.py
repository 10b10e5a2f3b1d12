"""Decides when rejected and invalid rows end a run: at one more than is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_aimlapi.core.texts.wording import format_count


@dataclass(slots=True, kw_only=True)
class Rejections:
    """The rejected rows of a run. Rows whose answers are invalid count as well.

    Attributes:
        allowed: how many rows may be rejected. One more ends the run.
        rows: rejected so far.
    """

    allowed: int
    rows: int = 0

    def take_over(self, rejected: int) -> str | None:
        """Count rows of durable parts, which earlier attempts rejected. Return as `count_rejection`."""
        self.rows += rejected
        return self._too_many("It is in a part that an earlier attempt wrote.")

    def count_rejection(self, reason: str) -> str | None:
        """Count a rejected row. Return why the run must end, or None if it may continue."""
        self.rows += 1
        return self._too_many(reason)

    def _too_many(self, reason: str) -> str | None:
        if self.rows <= self.allowed:
            return None
        was = "was" if self.rows == 1 else "were"
        return (
            f"Raise max_rejected_rows, or clear the task with retry_rejected=True to send them again: "
            f"{format_count(self.rows, 'row')} {was} rejected or invalid, and max_rejected_rows allows "
            f"{self.allowed:,}. "
            f"Nothing was published; all paid answers are kept. The last one: {reason}"
        )
