"""The opening of a run: the first rows sent, whose results are judged together once all are there. Pure.

A refusal arrives faster than a completion, so the first answers are not representative. The first
rows that were sent are. Other rows do not wait meanwhile. A run has one opening: an attempt that
finds answers of an earlier attempt has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion

OPENING_ROWS = 16
"""With half as many, a run in which a third of the rows are bad could be ended by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The API did not accept a row's request.

    Attributes:
        reason: for the error text, without a row's content.
    """

    status: int | None
    reason: str


@dataclass(slots=True, kw_only=True)
class OpeningRow:
    """A row of the opening.

    Attributes:
        body_bytes: of its request.
        result: the first completion or refusal; None before that. A call without an answer does
            not count.
    """

    body_bytes: int
    result: Completion | Refused | None = None


@dataclass(slots=True, kw_only=True)
class Opening:
    """The first rows sent.

    Attributes:
        is_open: whether results are still collected.
        others_answered: calls of other rows that were answered with a completion.
        rows: by part and row, in the order of sending.
    """

    is_open: bool = True
    others_answered: int = 0
    rows: dict[tuple[int, int], OpeningRow] = field(default_factory=dict)

    def note_sent(self, row: tuple[int, int], body_bytes: int) -> None:
        """Note a row's first call."""
        if self.is_open and len(self.rows) < OPENING_ROWS:
            self.rows.setdefault(row, OpeningRow(body_bytes=body_bytes))

    def note_result(self, row: tuple[int, int], result: Completion | Refused) -> str | None:
        """Note a result. After the last one, return why the run must end, or None.

        The first result of a row counts.
        """
        if not self.is_open:
            return None
        found = self.rows.get(row)
        if found is None:
            self.others_answered += not (isinstance(result, Refused) or _is_invalid(result))
            return None
        found.result = found.result or result
        is_whole = len(self.rows) == OPENING_ROWS
        if not is_whole or any(each.result is None for each in self.rows.values()):
            return None
        self.is_open = False
        return wrong_setup(self)


def wrong_setup(opening: Opening) -> str | None:
    """Return why the run must end: all answers are of one kind, and no other row was answered well."""
    results = [each.result for each in opening.rows.values()]
    # A row that was sent later was answered well, so the set-up works.
    if opening.others_answered:
        return None
    refused = [each for each in results if isinstance(each, Refused)]
    if len(refused) == len(results) and len({each.status for each in refused}) == 1:
        return (
            f"Correct the prompt, the model or its parameters: the first {len(refused)} rows sent were "
            f"all rejected with HTTP {refused[-1].status}, so the set-up is wrong, not the rows. Nothing "
            f"was published. The last answer: {refused[-1].reason}"
        )
    invalid = [each for each in results if not isinstance(each, Refused) and _is_invalid(each)]
    if len(invalid) == len(results):
        return (
            f"Correct output_schema or the prompt: the answers to the first {len(invalid)} rows sent are "
            f"all invalid, so the set-up is wrong, not the rows. Nothing was published; all paid answers "
            f"are kept. The first answer: {invalid[0].reason}"
        )
    return None


def _is_invalid(result: Completion | None) -> TypeGuard[Completion]:
    """Return whether an answer does not follow the schema, after all repairs."""
    return result is not None and result.status == "invalid"
