"""The error of a value that its column cannot hold. It collects the path on its way up."""

from __future__ import annotations


class Misfit(Exception):
    """A value does not have its type.

    Attributes:
        steps: the path to it, the innermost step first.
        expectation: the rule that is broken, in words of the schema only.
        value: the value.
    """

    def __init__(self, expectation: str, value: object) -> None:
        super().__init__(expectation)
        self.steps: list[str | int] = []
        self.expectation = expectation
        self.value = value
