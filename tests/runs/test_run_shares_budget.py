"""One budget over all shares of a run, against the API's own ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.engine.blocking import estimate_job, plan_job, run_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AimlapiError, BudgetExhausted
from tests.runs.conftest import script, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from tests.runs.conftest import Workplace

SLOW = Latency(median_s=0.05, sigma=0.5)
SHARES = 4
BUDGET_USD = 0.5
"""More than 200 rows cost, half of which hold most of the text."""


def write(place: Workplace, *rows: int) -> None:
    """A file for each share."""
    start = 0
    for number, count in enumerate(rows):
        place.write(texts_table(count, start), f"{number}.parquet")
        start += count
    assert plan_job(place.job(), Settings(), len(rows)) == len(rows)


def run_shares(
    place: Workplace, shares: int = SHARES, **settings: Any
) -> list[RunSummary | AimlapiError]:
    """All at once; what became of each."""

    def run(share: int) -> RunSummary | AimlapiError:
        try:
            return run_job(place.job(), Settings(max_concurrency=16, **settings), share=share)
        except AimlapiError as error:
            return error

    with ThreadPoolExecutor(shares) as workers:
        return list(workers.map(run, range(shares)))


def cost_of(place: Workplace, rows: int) -> float:
    """What so many rows cost about."""
    billed = place.sim.ledger.billed
    return rows * sum(record.usd for record in billed) / len(billed)


def test_shares_together_keep_to_the_budget(place: Workplace) -> None:
    budget_usd = 0.1
    place.sim.follow(script(latency=SLOW))
    write(place, 300, 300, 300, 300)
    ends = run_shares(place, max_cost_usd=budget_usd)
    assert all(isinstance(end, BudgetExhausted) for end in ends), ends
    assert all("this share's part of max_cost_usd=0.100000 USD" in str(end) for end in ends)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert budget_usd - 2 * SHARES * dearest <= place.sim.ledger.total_usd <= budget_usd
    assert len(place.paid_prompts()) == len(set(place.paid_prompts()))


def test_a_raised_budget_counts_what_the_shares_have_spent(place: Workplace) -> None:
    place.sim.follow(script(latency=SLOW))
    write(place, 60, 60, 60, 60)
    run_shares(place, max_cost_usd=0.03)
    ends = run_shares(place, max_cost_usd=0.05)
    assert any(isinstance(end, BudgetExhausted) for end in ends)
    assert 0.03 < place.sim.ledger.total_usd <= 0.05
    ends = run_shares(place, max_cost_usd=10.0)
    assert not any(isinstance(end, AimlapiError) for end in ends), ends
    report = place.run(max_cost_usd=10.0)
    assert (report.tally.ok, report.requests) == (240, 0)
    assert report.as_return_value()["cost_usd"] == pytest.approx(place.sim.ledger.total_usd)
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 240


def test_share_gets_its_part_by_its_rows(place: Workplace) -> None:
    """Half of the budget would not do for the large one."""
    place.sim.follow(script(latency=SLOW))
    write(place, 20, 200)
    place.run(place.job(prompt="As dear: {body}", limit_rows=15))
    budget_usd = cost_of(place, 220) * 1.5
    paid = place.sim.ledger.total_usd
    ends = run_shares(place, 2, max_cost_usd=budget_usd)
    assert not any(isinstance(end, AimlapiError) for end in ends), ends
    assert place.sim.ledger.total_usd - paid <= budget_usd


def test_whole_run_finishes_a_share_with_expensive_rows(place: Workplace) -> None:
    """Its part is spent while the other share has money left."""
    place.sim.follow(script(latency=SLOW))
    place.write(pa.table({"body": [f"short {number}" for number in range(100)]}), "0.parquet")
    place.write(pa.table({"body": [f"{number} " * 600 for number in range(100)]}), "1.parquet")
    assert plan_job(place.job(), Settings(), 2) == 2
    ends = run_shares(place, 2, max_cost_usd=BUDGET_USD)
    assert isinstance(ends[1], BudgetExhausted)
    assert not isinstance(ends[0], AimlapiError)
    report = place.run(max_cost_usd=BUDGET_USD)
    assert report.tally.ok == 200
    assert place.sim.ledger.total_usd <= BUDGET_USD
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 200


def test_the_whole_run_spends_what_its_shares_have_left(place: Workplace) -> None:
    write(place, 50, 50, 50, 50)
    run_job(place.job(), Settings(max_cost_usd=0.3), share=2)
    spent = place.sim.ledger.total_usd
    with pytest.raises(BudgetExhausted, match=r"^Raise max_cost_usd .* The budget is spent"):
        place.run(max_cost_usd=spent * 2, max_concurrency=4)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert spent * 2 - 2 * dearest <= place.sim.ledger.total_usd <= spent * 2
    before = len(place.sim.ledger.billed)
    ends = run_shares(place, max_cost_usd=spent * 2)
    is_done = [not isinstance(end, AimlapiError) for end in ends]
    assert is_done == [True, False, True, False], "by the whole run, nobody, share 2, nobody"
    assert len(place.sim.ledger.billed) == before
    ends = run_shares(place, max_cost_usd=10.0)
    assert not any(isinstance(end, AimlapiError) for end in ends), ends
    assert place.run(max_cost_usd=10.0).requests == 0
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 200


def test_paid_sample_leaves_the_shares_their_parts(place: Workplace) -> None:
    write(place, 40, 40)
    budget = Settings(max_cost_usd=10.0)
    estimate_job(place.job(), budget, Inquiry(sample_rows=10))
    ends = run_shares(place, 2, max_cost_usd=10.0)
    assert not any(isinstance(end, AimlapiError) for end in ends), ends
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 80


def test_unknown_price_costs_one_call_more_a_share(place: Workplace) -> None:
    """All calls of a window would go out at once, if nothing were known of the first."""
    budget_usd = 0.004
    place.sim.follow(script(latency=SLOW, faults=(Fault(kind="500", path="/v1/models"),)))
    write(place, 300, 300, 300, 300)
    ends = run_shares(place, max_cost_usd=budget_usd)
    assert all(isinstance(end, BudgetExhausted) for end in ends), ends
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert 0 < place.sim.ledger.total_usd <= budget_usd + SHARES * dearest
    billed = len(place.sim.ledger.billed)
    ends = run_shares(place, max_cost_usd=1e-9)
    assert all(isinstance(end, BudgetExhausted) for end in ends), ends
    assert len(place.sim.ledger.billed) == billed


def test_a_budget_below_one_call_is_refused_before_any(place: Workplace) -> None:
    write(place, 10, 10)
    with pytest.raises(BudgetExhausted, match="cannot pay for one call"):
        run_job(place.job(), Settings(max_cost_usd=0.00001), share=0)
    assert place.sim.ledger.billed == []


def test_without_costs_a_budget_cannot_be_kept(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="cost-nowhere"),)))
    write(place, 10, 10)
    with pytest.raises(BudgetExhausted, match="without reporting the charge"):
        run_job(place.job(), Settings(max_cost_usd=1.0, max_concurrency=2), share=0)
