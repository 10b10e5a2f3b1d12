"""An HTTP answer as it was received. Reads nothing in it; errors carry it as evidence."""

from __future__ import annotations

import msgspec

SUCCESS_STATUSES = range(200, 300)


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP answer as it was received, before anybody believed it.

    Attributes:
        status: HTTP status code.
        content_type: the header's value in lower case, without parameters; "" when absent.
        body: the decoded body (content encoding undone), at most the client's limit.
        inference_id: header `x-inference-id`; request_id: header `x-request-id`.
        credits_used: header `x-aimlapi-credits-used`; usd_spent: header `x-aimlapi-usd-spent`.
        retry_after: header `Retry-After`. date: header `Date`.
    """

    status: int
    content_type: str = ""
    body: bytes = b""
    inference_id: str | None = None
    request_id: str | None = None
    credits_used: str | None = None
    usd_spent: str | None = None
    retry_after: str | None = None
    date: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx: an answer to be read, and perhaps to be paid for."""
        return self.status in SUCCESS_STATUSES
