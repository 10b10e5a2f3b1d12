"""What a budget knows before the first call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.engine.calls.run_budget import bound_budget, open_budget
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import ApiUnavailable
from tests.fakes.prepared_run import PreparedRun, ScriptedApi, answer_to, rejection_of
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.budget import Budget

PRICES = TokenPrices(input_nano_usd=3 * 10**9, output_nano_usd=15 * 10**9)


def bounded(run: PreparedRun, prices: TokenPrices | Exception | None, **settings: float) -> Budget:
    async def fetch(_model: str) -> TokenPrices | None:
        if isinstance(prices, Exception):
            raise prices
        return prices

    budget = open_budget(run.earlier(), Settings(**settings))  # type: ignore[arg-type]
    world = replace(run.world(ScriptedApi()), ask_prices=fetch)
    run_virtual(bound_budget(budget, run.prepared, 1, Settings(**settings), world))  # type: ignore[arg-type]
    return budget


def test_earlier_charges_are_charged_already() -> None:
    run = PreparedRun(["a", "b"])
    run.journal(answer_to(run.row(1)), rejection_of(run.row(0), cost_nano_usd=70))
    budget = open_budget(run.earlier(), Settings(max_cost_usd=1.0))
    assert (budget.charged_nano_usd, budget.budget_nano_usd) == (70, 10**9)
    assert budget.has_unknown_charge  # the answer did not report its cost


def test_price_comes_from_the_list() -> None:
    budget = bounded(PreparedRun(["a"]), PRICES, max_cost_usd=1.0)
    assert budget.price is not None


@pytest.mark.parametrize("prices", [None, ApiUnavailable("HTTP 500", status=500)])
def test_missing_price_is_logged_and_leaves_none(
    prices: TokenPrices | Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert bounded(PreparedRun(["a"]), prices, max_cost_usd=1.0).price is None
    assert len([one for one in caplog.records if "max_cost_usd" in one.getMessage()]) == 1


def test_run_without_a_budget_fetches_no_prices() -> None:
    assert bounded(PreparedRun(["a"]), AssertionError("fetched")).price is None
