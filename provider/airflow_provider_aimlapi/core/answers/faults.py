"""The result of a check: an answer that has the schema's form, or what is wrong with it. Values only."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

VALUE_CHARACTERS_MAX = 120
FAULTS_MAX = 5
"""More faults than these would not fit into `completion_info.error`."""


class Fault(NamedTuple):
    """One thing that is wrong with an answer.

    Attributes:
        path: where it is, such as `$.items[0].name`. A key that the model chose is shown as `*`.
        expectation: the rule that is broken, such as "is greater than 5". Only the schema's own texts
            are in it.
        value: the answer's value there, as JSON that is cut; "" for none.
        detail: words of the user's own code, which may quote the answer; "" for none.
    """

    path: str
    expectation: str
    value: str = ""
    detail: str = ""

    @property
    def in_full(self) -> str:
        """Return the fault with the answer's value."""
        what = f"{self.path}: {self.value}" if self.value else self.path
        return f"{what} {self.expectation}{f' ({self.detail})' if self.detail else ''}"


class Valid(msgspec.Struct, frozen=True, gc=False):
    """An answer that has the schema's form.

    Attributes:
        text: the answer as JSON: the properties in the schema's order, null for a missing one that
            may be null, numbers and moments in one notation.
    """

    text: str


class Invalid(msgspec.Struct, frozen=True):
    """An answer that does not have the schema's form.

    Attributes:
        faults: what is wrong with it, at least one.
    """

    faults: tuple[Fault, ...]

    @property
    def fault_path(self) -> str:
        """Where the first fault is."""
        return self.faults[0].path

    @property
    def broken_rule(self) -> str:
        """The rule that the first fault breaks."""
        return self.faults[0].expectation

    @property
    def faulty_value(self) -> str:
        """The answer's value at the first fault."""
        return self.faults[0].value

    @property
    def shown_fault(self) -> str:
        """The first fault without any text of the answer, for logs and pages."""
        return f"{self.fault_path} {self.broken_rule}"

    @property
    def in_full(self) -> str:
        """All faults with the answer's values, for the row's own record and for a repair."""
        return "; ".join(fault.in_full for fault in self.faults)


def shown_value(value: object) -> str:
    """Return a value as JSON, cut to a readable length."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return ""
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}…"
