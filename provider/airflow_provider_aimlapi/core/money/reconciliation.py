"""What a run was billed by the API's own log, row by row, beside what its manifest says. Pure.

The log is only ever asked for afterwards, and nothing here decides anything for a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_client_request_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_aimlapi.core.durable.manifest import Manifest

WINDOW_US_MAX = 92 * 24 * 3600 * 1_000_000
"""The longest that one question to the log may span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One request in the API's log.

    Attributes:
        client_request_id: what we called it; None for requests that were not ours.
        inference_id, request_id: the API's own names for it.
        created_us: when it was made, microseconds since 1970, UTC; 0 when the log does not say.
        cost_nano_usd: what was charged, 0 for a failed request; None when the log does not say.
    """

    client_request_id: str | None
    inference_id: str | None
    request_id: str | None
    created_us: int
    cost_nano_usd: int | None

    @property
    def identity(self) -> tuple[str | None, str | None, str | None, int]:
        """What two rows share when they are one: pages overlap while the log grows.

        Our own name alone is not enough: each attempt of the task counts from 1 again.
        """
        return (self.client_request_id, self.inference_id, self.request_id, self.created_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A page of the log, newest first.

    Attributes:
        has_more: whether another page follows.
        total: rows of all pages; None when the API does not say.
    """

    rows: tuple[LogRow, ...]
    has_more: bool
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBilling:
    """What one row of the run was billed.

    Attributes:
        part, row: its place: the number of the output part, the row's index within it, from 0.
        calls: billed ones.
        cost_nano_usd: of all of them.
        extra_nano_usd: of all but the last one, whose answer is the one that counts.
    """

    part: int
    row: int
    calls: int
    cost_nano_usd: int
    extra_nano_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a run was billed.

    Attributes:
        rows: each row with a billed call, by part and row.
        calls_unpriced: calls in the log without a cost; they are in no sum.
    """

    rows: tuple[RowBilling, ...]
    calls_unpriced: int

    @property
    def calls(self) -> int:
        """Billed calls."""
        return sum(row.calls for row in self.rows)

    @property
    def cost_nano_usd(self) -> int:
        """What they cost."""
        return sum(row.cost_nano_usd for row in self.rows)

    @property
    def again(self) -> tuple[RowBilling, ...]:
        """The rows that were billed more than once."""
        return tuple(row for row in self.rows if row.calls > 1)

    @property
    def extra_nano_usd(self) -> int:
        """What was paid for calls whose answers count no more."""
        return sum(row.extra_nano_usd for row in self.rows)

    def missing(self, manifest: Manifest) -> int:
        """Completed rows of a manifest for which the log has no billed call, yet or ever."""
        billed: dict[int, int] = {}
        for row in self.rows:
            billed[row.part] = billed.get(row.part, 0) + 1
        return sum(
            max(0, entry.tally.completed - billed.get(entry.part, 0)) for entry in manifest.parts
        )


class BillingFold:
    """Takes in rows of the log, in any order and some twice; keeps those of one run."""

    def __init__(self, run_key: str) -> None:
        self._run_key = run_key
        self._seen: set[tuple[str | None, str | None, str | None, int]] = set()
        self._charges: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self._unpriced = 0

    def add(self, rows: Iterable[LogRow]) -> None:
        """Take in a page."""
        for row in rows:
            place = parse_client_request_id(row.client_request_id or "")
            if place is None or place[0] != self._run_key or row.identity in self._seen:
                continue
            self._seen.add(row.identity)
            _, part, number, attempt = place
            if row.cost_nano_usd is None:
                self._unpriced += 1
            elif row.cost_nano_usd:
                charge = (row.created_us, attempt, row.cost_nano_usd)
                self._charges.setdefault((part, number), []).append(charge)

    def result(self) -> Reconciliation:
        """What the run was billed, as far as rows were taken in."""
        rows = tuple(
            _billing(part, row, charges) for (part, row), charges in sorted(self._charges.items())
        )
        return Reconciliation(rows=rows, calls_unpriced=self._unpriced)


def log_windows(start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    """Spans that the log may be asked for, one after another, oldest first."""
    while end_us - start_us > WINDOW_US_MAX:
        yield start_us, start_us + WINDOW_US_MAX
        start_us += WINDOW_US_MAX
    yield start_us, end_us


def _billing(part: int, row: int, charges: list[tuple[int, int, int]]) -> RowBilling:
    costs = [cost for *_, cost in sorted(charges)]
    return RowBilling(
        part=part,
        row=row,
        calls=len(costs),
        cost_nano_usd=sum(costs),
        extra_nano_usd=sum(costs[:-1]),
    )
