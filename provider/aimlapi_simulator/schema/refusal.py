"""The two refusals of a body: by the API, and by the vendor behind it. Neither is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_simulator.schema.hints import Complaint, hint_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence


class InvalidBody(Exception):
    """The API refuses the body.

    Attributes:
        status: 400, or 404 for a model that does not exist.
        complaints: one entry per faulty field; empty for a 404.
    """

    def __init__(
        self, message: str, *, status: int = 400, complaints: Sequence[Complaint] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.complaints = tuple(complaints)


class RefusedByVendor(InvalidBody):
    """The vendor behind the API refuses a body that fits the API's schema. Its message is passed on."""


def wrong_body(complaint: Complaint) -> InvalidBody:
    """Return the refusal that makes this complaint."""
    return InvalidBody(complaint.message, complaints=(complaint,))


def wrong_value(path: str, expected: str, received: str) -> InvalidBody:
    """Return the refusal of one value."""
    return wrong_body(hint_in_words(path, expected, received))
