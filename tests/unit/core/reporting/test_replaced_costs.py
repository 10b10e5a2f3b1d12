"""The cost of runs that a task has replaced adds up, however many there are."""

from __future__ import annotations

from msgspec.structs import replace

from airflow_provider_aimlapi.core.reporting.replaced_costs import replaced_costs
from airflow_provider_aimlapi.core.reporting.run_progress import ATTEMPTS_MAX
from tests.unit.core.reporting.test_run_progress import ATTEMPT, PROGRESS, paid


def test_cost_of_a_replaced_run_is_kept() -> None:
    run = replace(PROGRESS, attempts=(paid(1, 500), paid(2, 100)))
    (first,) = replaced_costs(run)
    assert (first.model, first.updated_us, first.cost_nano_usd) == (PROGRESS.model, 2, 600)
    again = replace(PROGRESS, attempts=(paid(1, 7),), replaced=(first,))
    assert [one.cost_nano_usd for one in replaced_costs(again)] == [600, 7]
    unpaid = replace(again, attempts=(ATTEMPT,))
    assert replaced_costs(unpaid) == (first,)


def test_many_replaced_runs_keep_their_sum() -> None:
    run = PROGRESS
    for _ in range(3 * ATTEMPTS_MAX):
        run = replace(PROGRESS, attempts=(paid(1, 5),), replaced=replaced_costs(run))
    found = replaced_costs(run)
    assert len(found) == ATTEMPTS_MAX
    assert sum(one.cost_nano_usd for one in found) == 3 * ATTEMPTS_MAX * 5
