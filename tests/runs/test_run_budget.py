"""Budgets, with the price list to go by and without, against the API's own ledger."""

from __future__ import annotations

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import BudgetExhausted
from tests.runs.conftest import MODEL, Workplace, script, texts_table

MODELS = "/v1/models"
SLOW = Latency(median_s=0.05, sigma=0.5)


@pytest.mark.parametrize("budget_usd", [0.01, 0.05, 0.3])
def test_budget_ends_a_first_run_without_overshoot(place: Workplace, budget_usd: float) -> None:
    place.sim.follow(script(latency=SLOW))
    place.write(texts_table(900))
    with pytest.raises(BudgetExhausted, match=r"^Raise max_cost_usd .* The budget is spent"):
        place.run(max_cost_usd=budget_usd, max_concurrency=64)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert budget_usd - 2 * dearest <= place.sim.ledger.total_usd <= budget_usd
    assert len(place.paid_prompts()) == len(set(place.paid_prompts()))


def test_budget_holds_without_the_price_list(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.follow(script(latency=SLOW, faults=(Fault(kind="500", path=MODELS),)))
    place.write(texts_table(100))
    with pytest.raises(BudgetExhausted, match=r"^Raise max_cost_usd .* The budget is spent"):
        place.run(max_cost_usd=0.002, max_concurrency=256)
    (warning,) = [text for text in (r.getMessage() for r in caplog.records) if "price list" in text]
    assert "the price list did not answer (HTTP 500" in warning
    assert "the first call goes alone" in warning
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert 0.002 - 2 * dearest < place.sim.ledger.total_usd <= 0.002 + 2 * dearest


@pytest.mark.parametrize("fault", [Fault(kind="500", path=MODELS), None])
def test_budget_of_nothing_sends_no_call(place: Workplace, fault: Fault | None) -> None:
    place.sim.follow(script(faults=(fault,) if fault else ()))
    place.write(texts_table(100))
    with pytest.raises(BudgetExhausted):
        place.run(max_cost_usd=1e-12, max_concurrency=256)
    assert place.sim.ledger.billed == []


def test_a_budget_below_one_call_is_refused_before_any(place: Workplace) -> None:
    place.write(texts_table(100))
    with pytest.raises(BudgetExhausted, match=f"cannot pay for one call of {MODEL}"):
        place.run(max_cost_usd=0.00001)
    assert place.sim.ledger.billed == []
    assert place.run().tally.ok == 100


def test_lower_max_tokens_make_a_small_budget_do(place: Workplace) -> None:
    place.write(texts_table(2))
    dear = CompletionSpec(model=MODEL, max_tokens=64_000)
    with pytest.raises(BudgetExhausted, match="64,000 tokens"):
        place.run(place.job(completion=dear), max_cost_usd=0.05)
    assert place.sim.ledger.billed == []
    assert place.run(max_cost_usd=0.05).tally.ok == 2


def test_price_list_is_fetched_only_for_budgets_and_calls(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    """A list that answers 500 is heard of each time that it is asked."""
    place.sim.follow(script(faults=(Fault(kind="500", path=MODELS),)))
    place.write(texts_table(5))
    place.run(place.job(prompt="No budget: {body}"))
    assert "price list" not in caplog.text
    place.run(max_cost_usd=1.0)
    assert caplog.text.count("price list") == 1
    place.run(max_cost_usd=1.0)
    assert caplog.text.count("price list") == 1


def test_model_that_list_does_not_know_runs_all_same(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    empty = Fault(kind="raw", path=MODELS, body='{"object": "list", "data": []}')
    place.sim.follow(script(faults=(empty,)))
    place.write(texts_table(5))
    assert place.run(max_cost_usd=1.0).tally.ok == 5
    assert f"no prices by the token for {MODEL}" in caplog.text
