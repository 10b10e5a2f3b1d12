"""A hostile answer: a name, a script that sends it, and how its row must end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lab.hostile.hostile_server import Exchange

    Script = Callable[[Exchange], Awaitable[None]]

ROWS = 12
ONCE_ROW = 2
"""The row gets the hostile answer to its first call, and a good one to later calls."""
ALWAYS_ROW = 5
"""Gets the hostile answer each time."""
KEY = "hostile-secret-key-3f9c1e"
TIMEOUT_S = 3.0
"""For an exchange: what drips or is silent meets it, twice for the row that always gets it."""
PATIENT_TIMEOUT_S = 30.0
"""Where the answer is whole, so that a busy machine makes no difference."""
COST_USD = 0.001
MEMORY_BYTES_MAX = 64 * 1024 * 1024

Ending = Literal["read", "asked again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A hostile answer.

    Attributes:
        name: in words, for the test's id and the URL's path.
        says: says it, over the connection that it is given.
        ends: how the row must end. "read": with its own answer, at the first attempt.
            "asked again": ONCE_ROW with its own answer at the second attempt, ALWAYS_ROW
            rejected.
        words: a regular expression found in the reason; for all but "read".
        tells_cost: whether the hostile answer, unreadable as it is, says what it cost. Then that
            is on the row's bill, each time.
        padding: characters that make these rows' prompts longer, and are left unread.
    """

    name: str
    says: Script
    ends: Ending = "asked again"
    words: str = ""
    tells_cost: bool = False
    padding: int = 0

    @property
    def path(self) -> str:
        """The case in a URL."""
        return "/" + "-".join(self.name.split())


def timeout_s(case: Case) -> float:
    """Return the deadline of an exchange in the runs of a case."""
    return PATIENT_TIMEOUT_S if case.ends == "read" else TIMEOUT_S


def right_answer(row: int) -> str:
    """Return the model's answer to a row, in more than one alphabet."""
    return f"Row {row}, in short: «schön» 👩‍🚀 \u202e {row * row}"
