"""Folding the API's log into what a run was billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.keys import client_request_id, parse_client_request_id
from airflow_provider_aimlapi.core.durable.manifest import PartEntry, Tally, manifest_of
from airflow_provider_aimlapi.core.money.reconciliation import (
    TIME_RANGE_US_MAX,
    BillingFold,
    LogRow,
    Reconciliation,
    log_time_ranges,
)

if TYPE_CHECKING:
    from random import Random

RUN = "ab" * 16
OTHER = "cd" * 16


def row(name: str | None, cost: int | None, created: int = 1, inference: str = "i") -> LogRow:
    return LogRow(
        client_request_id=name,
        inference_id=inference,
        request_id=None,
        created_us=created,
        cost_nano_usd=cost,
    )


def folded(*rows: LogRow) -> Reconciliation:
    fold = BillingFold(RUN)
    fold.add_page(rows)
    return fold.billing_so_far()


def mine(part: int, number: int, attempt: int = 1) -> str:
    return client_request_id(RUN, part, number, attempt)


def test_the_last_call_is_the_one_that_counts() -> None:
    found = folded(
        row(mine(0, 4, 2), 30, 9, "c"), row(mine(0, 4, 1), 7, 2, "b"), row(mine(0, 4, 1), 5, 1, "a")
    )
    [again] = found.rows_charged_again
    assert (again.part, again.row, again.calls) == (0, 4, 3)
    assert (again.cost_nano_usd, again.extra_nano_usd) == (42, 12)
    assert (found.charged_calls, found.cost_nano_usd, found.extra_nano_usd) == (3, 42, 12)


def test_simultaneous_calls_are_separated_by_the_attempt() -> None:
    found = folded(row(mine(0, 4, 10), 30, 1, "b"), row(mine(0, 4, 9), 7, 1, "a"))
    assert found.extra_nano_usd == 7


def test_what_is_not_this_runs_counts_nothing() -> None:
    found = folded(
        row(None, 5),
        row("customer-42", 5),
        row(client_request_id(OTHER, 0, 0, 1), 5),
        row(f"{RUN}:0:0", 5),
        row(f"x{RUN}:0:0:1", 5),
        row(f"{RUN}:0:0:1:2", 5),
    )
    assert found == Reconciliation(rows=(), calls_unpriced=0)


def test_failed_calls_cost_nothing_and_missing_costs_are_reported() -> None:
    found = folded(row(mine(0, 0), 0, 1, "a"), row(mine(0, 0, 2), 6, 2, "b"), row(mine(1, 0), None))
    assert (found.charged_calls, found.rows_charged_again, found.calls_unpriced) == (1, (), 1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 9)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_repetition_of_log_rows_matters(
    calls: list[tuple[int, int, int]], random: Random
) -> None:
    rows = [
        row(mine(part, number), cost, index, str(index))
        for index, (part, number, cost) in enumerate(calls)
    ]
    shuffled = [*rows, *rows[::2]]
    random.shuffle(shuffled)
    found = folded(*shuffled)
    assert found == folded(*rows)
    assert found.charged_calls == len(calls)
    assert found.cost_nano_usd == sum(cost for *_, cost in calls)
    last = {(part, number): cost for part, number, cost in calls}
    assert found.cost_nano_usd - found.extra_nano_usd == sum(last.values())


def test_manifest_rows_without_log_rows_are_counted_per_part() -> None:
    entries = [
        PartEntry(
            part=part,
            staged_name="",
            visible_name="",
            sha256="",
            size_bytes=0,
            tally=Tally(ok=2, truncated=1, skipped=4),
        )
        for part in range(3)
    ]
    # Part 0 lacks one, part 2 all; part 1 has one more, of a row that ended as rejected.
    found = folded(*(row(mine(0, n), 5) for n in range(2)), *(row(mine(1, n), 5) for n in range(4)))
    assert found.answers_without_charge(manifest_of(RUN, entries)) == 1 + 3


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1))
def test_names_of_attempts_parse_back(part: int, number: int, attempt: int) -> None:
    name = client_request_id(RUN, part, number, attempt)
    assert parse_client_request_id(name) == (RUN, part, number, attempt)


@pytest.mark.parametrize("spans", [0, 0.5, 1, 1.5, 4])
def test_windows_cover_the_time_and_none_is_too_long(spans: float) -> None:
    start, end = 1_000, 1_000 + int(spans * TIME_RANGE_US_MAX)
    windows = list(log_time_ranges(start, end))
    assert (windows[0][0], windows[-1][1]) == (start, end)
    assert all(b - a <= TIME_RANGE_US_MAX for a, b in windows)
    assert [b for _, b in windows[:-1]] == [a for a, _ in windows[1:]]
