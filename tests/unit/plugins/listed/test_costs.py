"""The sum of the runs list counts each row of a run once, whoever's progress reports it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.plugins.listed.costs import (
    DAYS_MAX,
    GROUPS_MAX,
    costs_of,
    payments_once,
)
from airflow_provider_aimlapi.plugins.listed.run_row import RunRow
from airflow_provider_aimlapi.plugins.listed.stored_run import decode_run

KEY, OTHER = "a" * 32, "b" * 32
DAY_US = 86_400 * 10**6
NUMBERS = itertools.count(1)
OUTPUT = "s3://lake/out"


def row(
    cost: int,
    *own: int,
    task: str = "complete",
    dag: str = "tags",
    share: int | None = None,
    **changes: Any,
) -> RunRow:
    """Return a task that knows a run's cost, and what its own attempts paid."""
    folder = "" if share is None else f"/share/{share:04d}"
    progress = {
        "run_key": KEY,
        "state": "published",
        "model": "a/one",
        "output": OUTPUT,
        "report": f"{OUTPUT}/_aimlapi/{KEY}{folder}/report.html",
        "updated_us": 20_000 * DAY_US,
        "cost_nano_usd": cost,
        "attempts": [{"cost_nano_usd": one, "updated_us": 20_000 * DAY_US} for one in own],
    }
    number = next(NUMBERS)
    return RunRow(
        number=number,
        dag_id=dag,
        run_id=f"run-{number}",
        task_id=task,
        map_index=-1 if share is None else share,
        task_state="success",
        began_us=0,
        run=decode_run(json.dumps(progress | changes)),
    )


def paid(*rows: RunRow) -> list[int]:
    found = payments_once(rows)
    return [sum(one.nano_usd for one in found.get(row.number, ())) for row in rows]


def test_divided_run_counts_once() -> None:
    shares = [row(cost, cost, share=number) for number, cost in enumerate((30, 20, 10))]
    assert paid(*shares, row(60, 0)) == [30, 20, 10, 0]


def test_publishing_task_that_claims_the_shares_counts_once() -> None:
    """A retry of the publishing task counts what it finds paid as its own."""
    shares = [row(cost, cost, share=number) for number, cost in enumerate((30, 20))]
    assert paid(*shares, row(50, 50)) == [30, 20, 0]


def test_rows_that_the_publishing_task_sent_are_added() -> None:
    shares = [row(30, 30, share=0), row(5, 5, share=1)]
    assert paid(*shares, row(60, 25)) == [30, 5, 25]


def test_later_task_of_the_same_run_pays_nothing() -> None:
    assert paid(row(60, 20, 40), row(60, 0, dag="again"), row(60, 60, dag="third")) == [60, 0, 0]


def test_same_job_at_another_output_is_paid_twice() -> None:
    assert paid(row(60, 60), row(60, 60, output="s3://lake/other")) == [60, 60]


def test_replaced_run_of_a_task_stays_in_the_sum() -> None:
    replaced = [{"model": "a/old", "cost_nano_usd": 40, "updated_us": 19_000 * DAY_US}]
    one = row(60, 60, replaced=replaced)
    assert paid(one) == [100]
    costs = costs_of([one], payments_once([one]))
    assert [(line.name, line.paid_nano_usd) for line in costs.model] == [
        ("a/one", 60),
        ("a/old", 40),
    ]
    assert [(line.name, line.paid_nano_usd) for line in costs.day] == [
        ("2024-10-04", 60),
        ("2022-01-08", 40),
    ]


def test_task_that_failed_before_its_run_pays_nothing() -> None:
    assert paid(row(60, 60, run_key=None)) == [0]


def test_run_without_progress_pays_nothing() -> None:
    odd = row(0)
    unread = RunRow(
        number=odd.number,
        dag_id="d",
        run_id="r",
        task_id="t",
        map_index=-1,
        task_state=None,
        began_us=None,
    )
    assert payments_once([unread]) == {}


def test_tables_add_up_by_dag_task_model_and_day() -> None:
    rows = [
        row(10, 10, output="1"),
        row(20, 15, 5, output="2", task="other"),
        row(5, 5, output="3", dag="more", model="a/two"),
    ]
    costs = costs_of(rows, payments_once(rows))
    assert [(one.name, one.paid_nano_usd, one.tasks) for one in costs.dag] == [
        ("tags", 30, 2),
        ("more", 5, 1),
    ]
    assert [one.name for one in costs.task] == [
        "tags \u203a other",
        "tags \u203a complete",
        "more \u203a complete",
    ]
    for table in (costs.dag, costs.task, costs.model, costs.day):
        assert sum(one.paid_nano_usd for one in table) == 35


@pytest.mark.parametrize(("by", "most"), [("dag", GROUPS_MAX), ("day", DAYS_MAX)])
def test_rest_is_one_line(by: str, most: int) -> None:
    rows = [
        row(
            1,
            output=str(number),
            dag=f"dag-{number}",
            attempts=[{"cost_nano_usd": 1, "updated_us": number * DAY_US}],
        )
        for number in range(1, most + 11)
    ]
    table = getattr(costs_of(rows, payments_once(rows)), by)
    assert len(table) == most + 1
    assert (table[-1].name, table[-1].paid_nano_usd, table[-1].tasks) == ("", 10, 10)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**62),
            st.lists(st.integers(0, 2**62), max_size=3),
            st.one_of(st.none(), st.integers(0, 3)),
        ),
        max_size=6,
    )
)
def test_no_claim_lifts_a_run_above_its_cost(
    claims: list[tuple[int, list[int], int | None]],
) -> None:
    """Any task may store any numbers. Those of one run never add up to more than it reports."""
    rows = [row(cost, *own, share=share) for cost, own, share in claims]
    whole = [cost for cost, _, share in claims if share is None]
    shares: dict[int, int] = {}
    for cost, _, share in claims:
        if share is not None:
            shares[share] = max(shares.get(share, 0), cost)
    assert sum(paid(*rows)) <= max([0, *whole, sum(shares.values())])
