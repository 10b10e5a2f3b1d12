"""Decides when truncated answers end a run: at one more than is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_aimlapi.core.texts.wording import format_count


@dataclass(slots=True, kw_only=True)
class Truncations:
    """The truncated answers of a run.

    Attributes:
        allowed: how many answers may be truncated. One more ends the run.
        rows: truncated so far.
    """

    allowed: int
    rows: int = 0

    def count_truncated(self, truncated: int = 1) -> str | None:
        """Count truncated answers. Return why the run must end, or None if it may continue."""
        self.rows += truncated
        if self.rows <= self.allowed:
            return None
        was = "was" if self.rows == 1 else "were"
        return (
            f"Raise max_truncated_rows to publish the answers as they are, or raise max_tokens, which "
            f"pays for all rows again: {format_count(self.rows, 'answer')} {was} truncated, and "
            f"max_truncated_rows allows {self.allowed:,}. Nothing was published; all paid answers are kept."
        )
