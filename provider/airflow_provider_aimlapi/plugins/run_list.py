"""Lists the newest runs: filtered, sorted, one page at a time, with what they cost together.

It reads only Airflow's database. A run whose progress is in the task state store is listed with its
numbers. A run whose progress is an object beside the output is listed without, because the page
reloads every few seconds and must not read thousands of objects each time. A task may store anything
under the key, so progress that does not decode within its limits is listed without numbers as well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from airflow.providers.common.compat.sdk import conf

from airflow_provider_aimlapi.plugins.listed.costs import Costs, costs_of, payments_once
from airflow_provider_aimlapi.plugins.listed.run_row import (
    ROWS_MAX,
    DecodedRuns,
    RunRow,
    rows_beside_outputs,
    rows_in_state_store,
)
from airflow_provider_aimlapi.plugins.listed.run_state import is_at_work, reason_of, state_of
from airflow_provider_aimlapi.plugins.listed.stored_run import Standing  # noqa: TC001  msgspec
from airflow_provider_aimlapi.plugins.task_state import page_reads_task_state

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_RUNS = 50
Column = Literal["task", "state", "rows", "rate", "cost", "start", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What the page requests.

    Attributes:
        text: each of its words is in the DAG, task, DAG run or model; "" for all runs.
        state: the state that is shown; "" for all.
        column: the column to sort by.
        is_rising: whether the least comes first.
        page: from 1.
    """

    text: str = ""
    state: str = ""
    column: Column = "start"
    is_rising: bool = False
    page: int = 1


class ListedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run, with the task instance that works on it.

    Attributes:
        dag_id, run_id, task_id: identify the task instance.
        map_index: -1 for a task that is not mapped.
        task_state: Airflow's state; None before the task is scheduled.
        began_us: the task's start in microseconds since 1970; None after it was cleared.
        state: the state to show.
        is_at_work: whether it works, or will soon.
        reason: why it ended early; "" if it did not.
        share: the number of the share; None for a whole run.
        paid_nano_usd: what this task paid, as the sums count it.
        replaced_nano_usd: the part of it that it paid for runs which this run has replaced.
        standing: the run's progress; None if it is an object beside the output, or does not decode.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    task_state: str | None
    began_us: int | None
    state: str
    is_at_work: bool
    reason: str
    share: int | None = None
    paid_nano_usd: int = 0
    replaced_nano_usd: int = 0
    standing: Standing | None = None


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the runs that the user may see.

    Attributes:
        runs: of this page.
        page, pages: its number, and how many there are.
        found: the runs that the filter lets through.
        listed: all runs that the user may see, at most `runs_max`.
        runs_max: the most runs of a list, all pages together.
        at_work: of those found.
        rows_per_s: of those found, together.
        paid_nano_usd: of those found, each row once.
        costs: the same by DAG, task, model and day.
        states: the number of all runs in each state, without the filter.
        has_costs: whether Airflow stores the progress. If not, no run has numbers.
        kept_days: for how many days Airflow keeps it; None without a limit.
        oldest_us: the start of the oldest listed run; None if there is none.
    """

    runs: list[ListedRun]
    page: int
    pages: int
    found: int
    listed: int
    runs_max: int
    at_work: int
    rows_per_s: float
    paid_nano_usd: int
    costs: Costs
    states: dict[str, int]
    has_costs: bool
    kept_days: int | None
    oldest_us: int | None


def list_runs(
    dag_ids: set[str],
    readable: Callable[[set[str]], set[str]],
    session: Any,
    decoded: DecodedRuns,
    query: ListQuery = ListQuery(),
    *,
    runs_max: int = ROWS_MAX,
) -> RunList:
    """Return a page of the newest runs of some DAGs.

    Args:
        dag_ids: the DAGs to search.
        readable: returns those of some DAGs whose runs the user may see.
        session: a session of Airflow's database.
        decoded: the progress that earlier requests have decoded.
    """
    has_costs = page_reads_task_state()
    if has_costs:
        rows = rows_in_state_store(dag_ids, session, decoded, runs_max)
    else:
        rows = rows_beside_outputs(dag_ids, session, runs_max)
    # The rights to a DAG's XComs are checked only for DAGs that were found: each check is a call of the
    # auth manager, and a deployment may have thousands of DAGs. Nothing is summed before that.
    allowed = readable({row.dag_id for row in rows})
    rows = [row for row in rows if row.dag_id in allowed]
    paid = payments_once(rows)
    runs = {
        row.number: _as_listed_run(row, sum(one.nano_usd for one in paid.get(row.number, ())))
        for row in rows
    }
    found = [row for row in rows if _is_found(row, runs[row.number].state, query)]
    ordered = sorted(
        (runs[row.number] for row in found),
        key=lambda run: _sort_key(run, query.column),
        reverse=not query.is_rising,
    )
    pages = max(1, -(-len(found) // PAGE_RUNS))
    page = min(query.page, pages)
    at_work = [run for run in ordered if run.is_at_work]
    return RunList(
        runs=ordered[(page - 1) * PAGE_RUNS : page * PAGE_RUNS],
        page=page,
        pages=pages,
        found=len(found),
        listed=len(rows),
        runs_max=runs_max,
        at_work=len(at_work),
        rows_per_s=sum(run.standing.rows_per_s for run in at_work if run.standing),
        paid_nano_usd=sum(run.paid_nano_usd for run in ordered),
        costs=costs_of(found, paid),
        states=dict(sorted(Counter(run.state for run in runs.values()).items())),
        has_costs=has_costs,
        kept_days=_kept_days() if has_costs else None,
        oldest_us=min((row.began_us for row in rows if row.began_us is not None), default=None),
    )


def _as_listed_run(row: RunRow, paid_nano_usd: int) -> ListedRun:
    run = row.run
    state = state_of(run, row.task_state)
    return ListedRun(
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        task_state=row.task_state,
        began_us=row.began_us,
        state=state,
        is_at_work=is_at_work(run, row.task_state),
        reason=reason_of(run, state),
        share=run.share if run else None,
        paid_nano_usd=paid_nano_usd,
        replaced_nano_usd=sum(one.nano_usd for one in run.paid_before) if run else 0,
        standing=run.standing if run else None,
    )


def _is_found(row: RunRow, state: str, query: ListQuery) -> bool:
    model = row.run.standing.model if row.run else ""
    shown = f"{row.dag_id}\n{row.task_id}\n{row.run_id}\n{model}".casefold()
    words = query.text.casefold().split()
    return query.state in ("", state) and all(word in shown for word in words)


def _sort_key(run: ListedRun, column: Column) -> tuple[Any, ...]:
    """Return what a column sorts by; the start decides between equals. A cleared run is the newest."""
    began = float("inf") if run.began_us is None else run.began_us
    standing = run.standing
    keys: dict[Column, Any] = {
        "task": (run.dag_id, run.task_id, run.map_index),
        "state": run.state,
        "rows": standing.rows if standing else -1,
        "rate": standing.rows_per_s if standing and run.is_at_work else -1.0,
        "cost": run.paid_nano_usd,
        "start": began,
        "end": _end_us(run),
    }
    return keys[column], began


def _end_us(run: ListedRun) -> float:
    """Return the end of a run, or its expected end. A run without either ends last."""
    if run.standing is None:
        return -1.0
    left_s = run.standing.expected_left_s
    if run.is_at_work and left_s is None:
        return float("inf")
    return run.standing.updated_us + (left_s or 0.0) * 1e6 * run.is_at_work


def _kept_days() -> int | None:
    """Return for how many days Airflow keeps the progress of a run; None for no limit."""
    return conf.getint("state_store", "default_retention_days", fallback=30) or None
