"""Sums what runs cost, each row once: by DAG, task, model and day.

The cost of a run is in the progress of each task that worked on it: of its shares, of the task that
publishes them, and of a later task that found the run published. So a task counts for what its own
attempts paid, and all tasks of a run together for no more than the run cost. What a task paid for a
run that its next run replaced is counted as well.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_aimlapi.plugins.listed.run_row import RunRow
    from airflow_provider_aimlapi.plugins.listed.stored_run import Payment

GROUPS_MAX = 12
"""The most lines of a table of costs. The rest is one line."""
DAYS_MAX = 31


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of the runs with one DAG, task, model or day.

    Attributes:
        name: "" for the line that sums up the rest.
        tasks: how many tasks paid something.
    """

    name: str
    paid_nano_usd: int
    tasks: int


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of some runs, the most expensive first; days the newest first."""

    dag: list[CostLine]
    task: list[CostLine]
    model: list[CostLine]
    day: list[CostLine]


Paid = dict[int, tuple["Payment", ...]]
"""The payments of each row, by its number."""


def payments_once(rows: Iterable[RunRow]) -> Paid:
    """Return what each task paid, so that the sum counts each row of a run once."""
    groups: defaultdict[tuple[str | None, str], list[RunRow]] = defaultdict(list)
    paid: Paid = {}
    for row in sorted(rows, key=lambda row: row.number):
        if row.run is None:
            continue
        if row.run.group[0] is None:  # it failed before it had a key, so it paid for nothing
            paid[row.number] = row.run.paid_before
        else:
            groups[row.run.group].append(row)
    for members in groups.values():
        left = _cost_of_run(members)
        # The oldest task first: it was the one that paid. A later one that found the run published may
        # claim the same cost.
        for row in members:
            kept = list(_at_most(row.run.paid if row.run else (), left))
            left -= sum(payment.nano_usd for payment in kept)
            paid[row.number] = (*kept, *(row.run.paid_before if row.run else ()))
    return paid


def _cost_of_run(members: list[RunRow]) -> int:
    """Return the cost of a run that some tasks worked on: as a whole, or the sum of its shares."""
    whole = 0
    shares: dict[int, int] = {}
    for row in members:
        if row.run is None:
            continue
        cost, share = row.run.standing.cost_nano_usd, row.run.share
        if share is None:
            whole = max(whole, cost)
        else:
            shares[share] = max(shares.get(share, 0), cost)
    return max(whole, sum(shares.values()))


def _at_most(payments: Sequence[Payment], most: int) -> Iterable[Payment]:
    for payment in payments:
        nano_usd = min(payment.nano_usd, most)
        most -= nano_usd
        if nano_usd:
            yield msgspec.structs.replace(payment, nano_usd=nano_usd)


def costs_of(rows: Sequence[RunRow], paid: Paid) -> Costs:
    """Return the tables of costs of these rows."""
    payments = [(row, payment) for row in rows for payment in paid.get(row.number, ())]
    by_task = [(f"{row.dag_id} \u203a {row.task_id}", row, payment) for row, payment in payments]
    return Costs(
        dag=_lines_of_costs([(row.dag_id, row, payment) for row, payment in payments]),
        task=_lines_of_costs(by_task),
        model=_lines_of_costs([(payment.model, row, payment) for row, payment in payments]),
        day=_lines_of_costs(
            [(payment.day, row, payment) for row, payment in payments], are_days=True
        ),
    )


def _lines_of_costs(
    payments: list[tuple[str, RunRow, Payment]], *, are_days: bool = False
) -> list[CostLine]:
    sums: defaultdict[str, int] = defaultdict(int)
    tasks: defaultdict[str, set[int]] = defaultdict(set)
    for name, row, payment in payments:
        sums[name] += payment.nano_usd
        tasks[name].add(row.number)
    names = (
        sorted(sums, reverse=True) if are_days else sorted(sums, key=lambda one: (-sums[one], one))
    )
    most = DAYS_MAX if are_days else GROUPS_MAX
    lines = [_line_of_costs(name, [name], sums, tasks) for name in names[:most]]
    return lines if len(names) <= most else [*lines, _line_of_costs("", names[most:], sums, tasks)]


def _line_of_costs(
    name: str, names: list[str], sums: dict[str, int], tasks: dict[str, set[int]]
) -> CostLine:
    return CostLine(
        name=name,
        paid_nano_usd=sum(sums[one] for one in names),
        tasks=len(set[int]().union(*(tasks[one] for one in names))),
    )
