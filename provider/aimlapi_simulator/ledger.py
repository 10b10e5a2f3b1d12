"""The record of every request and its charge."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.pricing import usd_of

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS_MAX = 2_000_000
"""Bounds the memory of a simulator that runs for long."""


class Record(msgspec.Struct, kw_only=True, gc=False):
    """One request, and its answer.

    Attributes:
        at_s: Unix time when it was answered, or when the connection was dropped.
        status: status of the answer; 0 if the connection was dropped without one.
        prompt_sha256: hash of the user's text in UTF-8.
        body_sha256: hash of the request's body, byte by byte.
        credits: the charge; 0 for a request that failed.
        fault: kind of the fault that struck, or `limit:<which>` for a 429 by a limit.
    """

    at_s: float
    method: str
    path: str
    status: int
    request_id: str
    inference_id: str | None = None
    client_request_id: str | None = None
    model: str | None = None
    prompt_sha256: str | None = None
    body_sha256: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    credits: int = 0
    usd: float = 0.0
    duration_s: float = 0.0
    fault: str | None = None
    is_stream: bool = False
    custom_id: str | None = None


class Ledger:
    """The last two million records, and sums over all requests."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=RECORDS_MAX)
        self._statuses: defaultdict[int, int] = defaultdict(int)
        self.total_credits = 0
        self.billed_calls = 0

    def add_record(self, record: Record) -> None:
        """Record one request."""
        self._records.append(record)
        self._statuses[record.status] += 1
        if record.credits:
            self.total_credits += record.credits
            self.billed_calls += 1

    @property
    def requests(self) -> list[Record]:
        """All requests, oldest first."""
        return list(self._records)

    @property
    def billed(self) -> list[Record]:
        """Requests that were charged, oldest first."""
        return [record for record in self._records if record.credits]

    @property
    def total_usd(self) -> float:
        """Sum of all charges."""
        return usd_of(self.total_credits)

    @property
    def statuses(self) -> dict[int, int]:
        """Number of requests for each status. Status 0 counts the dropped ones."""
        return dict(self._statuses)

    def newest_first(self) -> Iterator[Record]:
        """Iterate over the requests from the last to the first."""
        return reversed(list(self._records))

    def billed_twice(self) -> dict[str, int]:
        """Return the prompts (by sha256) that were charged more than once, with their counts."""
        counts = Counter(record.prompt_sha256 for record in self.billed if record.prompt_sha256)
        return {prompt: count for prompt, count in counts.items() if count > 1}
