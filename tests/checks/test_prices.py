"""The cost of a check at the known prices, and at higher ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from aimlapi_simulator import Cache, Forms, Script
from aimlapi_simulator.catalogue import BY_ID
from aimlapi_simulator.pricing import Price
from airflow_provider_aimlapi.checks.plan import DATED
from tests.checks.conftest import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEN = Price(input_usd=4.1262, output_usd=20.631)


@pytest.fixture
def let_sonnet_cost() -> Iterator[Callable[[Price], None]]:
    """Change what the simulator's Sonnet 4.6 costs, until the test ends."""
    model = BY_ID[DATED]
    before = model.price
    yield lambda price: msgspec.structs.force_setattr(model, "price", price)
    msgspec.structs.force_setattr(model, "price", before)


def test_the_seen_prices_settle_all_that_can_be(
    let_sonnet_cost: Callable[[Price], None], pytestconfig: pytest.Config
) -> None:
    let_sonnet_cost(SEEN)
    found = checked(Script())
    page = (pytestconfig.rootpath / "provider/docs/how-to/check.md").read_text(encoding="utf-8")
    (cost,) = re.findall(r"a check of the simulator costs ([0-9.]+) USD", page)
    assert found.ledger.total_usd == pytest.approx(float(cost), abs=0.0001)
    assert [name for name, answer in found.answers.items() if answer is None] == [
        "reasoning-tokens"
    ]


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 10, 100])
@pytest.mark.parametrize("cost", ["both", "credits", "nowhere"])
@pytest.mark.parametrize("misses", [0.0, 1.0])
def test_no_price_takes_it_past_the_limit(
    let_sonnet_cost: Callable[[Price], None], factor: float, cost: str, misses: float
) -> None:
    price = Price(input_usd=SEEN.input_usd * factor, output_usd=SEEN.output_usd * factor)
    let_sonnet_cost(price)
    forms = msgspec.convert({"cost": cost}, Forms)
    found = checked(Script(forms=forms, cache=Cache(miss_share=misses)))
    assert found.ledger.total_usd < 0.02
    assert found.report.cost_nano_usd < 20_000_000
