"""Compares the charges in the API's own log, row by row, with a run's manifest. Pure.

The log is read after a run, and no decision of a run depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import parse_client_request_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_aimlapi.core.durable.manifest import Manifest

TIME_RANGE_US_MAX = 92 * 24 * 3600 * 1_000_000
"""The longest time range of one request to the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One request in the API's log.

    Attributes:
        client_request_id: the id that we sent; None for requests that are not ours.
        inference_id: the API's id of the charge.
        request_id: the API's id of the request.
        created_us: its time, microseconds since 1970, UTC; 0 if the log does not state it.
        cost_nano_usd: the charge, 0 for a failed request; None if the log does not state it.
    """

    client_request_id: str | None
    inference_id: str | None
    request_id: str | None
    created_us: int
    cost_nano_usd: int | None

    @property
    def identity_of_call(self) -> tuple[str | None, str | None, str | None, int]:
        """The fields by which two entries are recognised as one: pages overlap while the log grows.

        Our own id is not enough, because each attempt of the task counts from 1 again.
        """
        return (self.client_request_id, self.inference_id, self.request_id, self.created_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A page of the log, newest first.

    Attributes:
        has_more: whether another page follows.
        total: the rows of all pages; None if the API does not state it.
    """

    rows: tuple[LogRow, ...]
    has_more: bool
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBilling:
    """The charges of one row of the run.

    Attributes:
        part: the number of the output part.
        row: the row's index within the part, from 0.
        calls: the charged calls.
        cost_nano_usd: the cost of all of them.
        extra_nano_usd: the cost of all but the last one, whose answer is the one that counts.
    """

    part: int
    row: int
    calls: int
    cost_nano_usd: int
    extra_nano_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The charges of a run.

    Attributes:
        rows: each row with a charged call, by part and row.
        calls_unpriced: calls in the log without a cost; no sum contains them.
    """

    rows: tuple[RowBilling, ...]
    calls_unpriced: int

    @property
    def charged_calls(self) -> int:
        """The charged calls."""
        return sum(row.calls for row in self.rows)

    @property
    def cost_nano_usd(self) -> int:
        """The cost of all charged calls."""
        return sum(row.cost_nano_usd for row in self.rows)

    @property
    def rows_charged_again(self) -> tuple[RowBilling, ...]:
        """The rows that were charged more than once."""
        return tuple(row for row in self.rows if row.calls > 1)

    @property
    def extra_nano_usd(self) -> int:
        """The cost of calls whose answers do not count any more."""
        return sum(row.extra_nano_usd for row in self.rows)

    def answers_without_charge(self, manifest: Manifest) -> int:
        """Return how many paid answers of a manifest have no charged call in the log."""
        billed: dict[int, int] = {}
        for row in self.rows:
            billed[row.part] = billed.get(row.part, 0) + 1
        return sum(
            max(0, entry.tally.paid_answers - billed.get(entry.part, 0)) for entry in manifest.parts
        )


class BillingFold:
    """Collects entries of the log, in any order and some twice, and keeps those of one run."""

    def __init__(self, run_key: str) -> None:
        self._run_key = run_key
        self._seen: set[tuple[str | None, str | None, str | None, int]] = set()
        self._charges: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self._unpriced = 0

    def add_page(self, rows: Iterable[LogRow]) -> None:
        """Collect a page."""
        for row in rows:
            parsed = parse_client_request_id(row.client_request_id or "")
            if parsed is None or parsed[0] != self._run_key or row.identity_of_call in self._seen:
                continue
            self._seen.add(row.identity_of_call)
            _, part, number, call = parsed
            # 1. A call without a cost is counted, because it may have been charged. 2. A failed
            #    call costs 0 and is no charge.
            if row.cost_nano_usd is None:
                self._unpriced += 1
            elif row.cost_nano_usd:
                charge = (row.created_us, call, row.cost_nano_usd)
                self._charges.setdefault((part, number), []).append(charge)

    def billing_so_far(self) -> Reconciliation:
        """Return the run's charges, by the pages collected so far."""
        rows = tuple(
            _billing_of_row(part, row, charges)
            for (part, row), charges in sorted(self._charges.items())
        )
        return Reconciliation(rows=rows, calls_unpriced=self._unpriced)


def log_time_ranges(start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    """Yield the time ranges to request from the log, the oldest first."""
    while end_us - start_us > TIME_RANGE_US_MAX:
        yield start_us, start_us + TIME_RANGE_US_MAX
        start_us += TIME_RANGE_US_MAX
    yield start_us, end_us


def _billing_of_row(part: int, row: int, charges: list[tuple[int, int, int]]) -> RowBilling:
    # By time, then by number: the last call's answer is the one that the row has.
    costs = [cost for *_, cost in sorted(charges)]
    return RowBilling(
        part=part,
        row=row,
        calls=len(costs),
        cost_nano_usd=sum(costs),
        extra_nano_usd=sum(costs[:-1]),
    )
