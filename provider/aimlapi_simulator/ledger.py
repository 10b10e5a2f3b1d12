"""Every request that was seen and what it was charged; counts only, decides nothing."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.pricing import usd_of

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS_MAX = 2_000_000


class Record(msgspec.Struct, kw_only=True, gc=False):
    """One request, and what became of it.

    Attributes:
        at_s: Unix time when it was answered, or when the connection was dropped.
        status: Of the answer; 0 if the connection was dropped without one.
        credits: What was charged; 0 for a request that failed.
        fault: Kind of the fault that struck, or `limit:<which>` for a 429 by a limit.
        prompt_sha256: Of the user's text in UTF-8.
        body_sha256: Of the request's body, byte by byte.
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
    """The last two million records, and sums over all."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=RECORDS_MAX)
        self._statuses: defaultdict[int, int] = defaultdict(int)
        self.total_credits = 0
        self.billed_calls = 0

    def add(self, record: Record) -> None:
        """Write one request down."""
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
        """Number of requests for each status, dropped ones under 0."""
        return dict(self._statuses)

    def newest_first(self) -> Iterator[Record]:
        """Walk back from the last request."""
        return reversed(list(self._records))

    def billed_twice(self) -> dict[str, int]:
        """Prompts (by sha256) that were charged more than once, and how often."""
        counts = Counter(record.prompt_sha256 for record in self.billed if record.prompt_sha256)
        return {prompt: count for prompt, count in counts.items() if count > 1}
