"""Estimates against a real server: what they read, spend and leave, beside what a run then bills."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from aimlapi_simulator import Account, Fault, Script
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import estimate_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    InvalidSpec,
    RunInterrupted,
    TooManyRejections,
)
from tests.runs.conftest import KEY, MAX_TOKENS, MODEL, Workplace, script, texts_table
from tests.runs.typed import TICKET, UNTIL_FIRST_REPAIR, spoiled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.money.estimate_report import Estimate

ROWS = 400
WORDS = ("fellow", "citizens", "senate", "the", "union", "of", "peace", "revenue", "treaty")


def speeches(rows: int = ROWS) -> pa.Table:
    """Texts of very different lengths."""
    chance = random.Random(7)  # noqa: S311  the same texts each time
    texts = [
        " ".join([*chance.choices(WORDS, k=int(chance.lognormvariate(4, 0.8))), f"{row}."])
        for row in range(rows)
    ]
    return pa.table({"body": texts})


def estimate(place: Workplace, *, sample_rows: int = 0, **changes: Any) -> Estimate:
    settings = changes.pop("settings", Settings())
    return estimate_job(place.job(**changes), settings, Inquiry(sample_rows=sample_rows))


def test_without_sample_nothing_is_spent_and_nothing_is_written(place: Workplace) -> None:
    place.write(speeches())
    found = estimate(place)
    assert place.sim.ledger.total_usd == 0
    assert not place.fs.exists(place.output)
    place.run()
    billed = place.sim.ledger.total_usd * 1e9
    least, most = found.forecast.least_nano_usd, found.forecast.most_nano_usd
    assert least is not None
    assert most is not None
    assert least < billed < most
    assert found.basis.rows_to_ask == ROWS


def test_the_prompt_cache_is_in_the_bounds(place: Workplace) -> None:
    place.write(speeches())
    prompt = "Answer in one of the words of the union. " * 200 + "{body}"
    found = estimate(place, prompt=prompt)
    unmarked = estimate(place, prompt=prompt, settings=Settings(cache_prompt="never"))
    place.run(place.job(prompt=prompt))
    billed = place.sim.ledger.total_usd * 1e9
    least, most, cost = (
        getattr(found.forecast, f"{name}_nano_usd") for name in ("least", "most", "cost")
    )
    assert least < billed < cost < most
    assert cost > unmarked.forecast.cost_nano_usd  # what the first row pays to write the head
    assert found.forecast.cache_saving_nano_usd > 0.5 * (cost - billed)
    assert "The prompt cache may save up to " in found.in_words()
    assert "cache" not in unmarked.in_words()


def test_a_schema_counts_for_each_row(place: Workplace) -> None:
    place.write(texts_table(ROWS))
    plain, typed = estimate(place), estimate(place, schema=TICKET)
    least = plain.forecast.least_nano_usd, typed.forecast.least_nano_usd
    assert None not in least
    schema_tokens = len(TICKET.canonical_json) / 6  # at the very least
    assert least[1] > least[0] + ROWS * schema_tokens * 1_500  # type: ignore[operator]  # no None


def test_a_sample_foretells_the_cost_of_repairs(place: Workplace) -> None:
    faults = [spoiled(row, "typed-cut", UNTIL_FIRST_REPAIR) for row in range(60)]
    place.sim.follow(script(faults=tuple(faults)))
    place.write(texts_table(60))
    found = estimate(place, sample_rows=20, schema=TICKET)
    assert len(place.paid_prompts()) == 40
    report = place.run(place.job(schema=TICKET))
    assert (report.tally.ok, report.tally.repaired, report.reused) == (60, 60, 20)
    told = found.sample_nano_usd + (found.forecast.cost_nano_usd or 0)
    assert told == pytest.approx(place.sim.ledger.total_usd * 1e9, rel=0.1)


def test_paid_sample_foretells_bill_and_is_not_paid_again(place: Workplace) -> None:
    place.write(speeches(), row_group_size=50)
    found = estimate(place, sample_rows=20)
    assert len(place.paid_prompts()) == 20
    assert found.sample_nano_usd == round(place.sim.ledger.total_usd * 1e9)
    assert place.visible() == []

    report = place.run()
    assert report.run_key == found.run_key
    assert report.reused == 20
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == ROWS
    told = found.sample_nano_usd + (found.forecast.cost_nano_usd or 0)
    assert told == pytest.approx(place.sim.ledger.total_usd * 1e9, rel=0.1)


def test_sample_keeps_what_unreadable_answers_of_earlier_attempt_cost(
    place: Workplace,
) -> None:
    place.write(speeches(30))
    unread = Fault(kind="no-choices", contains=" 3.", times=1)
    waiting = Fault(kind="503", contains=" 3.", retry_after_s=60.0)
    place.sim.follow(script(faults=(unread, waiting)))
    place.run_until_billed(30)
    place.sim.follow(script())
    estimate(place, sample_rows=30)
    report = place.run()
    assert report.reused == 30
    assert len(place.sim.ledger.billed) == 31
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def test_repeated_estimate_pays_only_for_missing_answers(place: Workplace) -> None:
    place.write(speeches())
    first = estimate(place, sample_rows=20)
    again = estimate(place, sample_rows=20)
    assert len(place.paid_prompts()) == 20
    assert (again.sample_rows, again.sample_nano_usd) == (0, 0)
    assert again.forecast == first.forecast
    assert estimate(place, sample_rows=30).sample_rows == 10
    assert len(set(place.paid_prompts())) == 30


def test_a_sample_of_all_rows_leaves_nothing_to_ask(place: Workplace) -> None:
    place.write(speeches(12))
    found = estimate(place, sample_rows=20)
    assert (found.sample_rows, found.basis.rows_to_ask) == (12, 0)
    assert found.forecast.cost_nano_usd == 0
    assert place.run().requests == 0


def test_a_published_run_is_told_to_be_paid_for(place: Workplace) -> None:
    place.write(speeches(12))
    place.run()
    found = estimate(place, sample_rows=5)
    assert found.is_published
    assert found.basis.rows_to_ask == 0
    assert len(place.paid_prompts()) == 12


def test_part_of_a_large_input_is_read_nulls_foreseen(place: Workplace) -> None:
    rows = 12_000
    bodies = [None if row % 4 == 0 else f"Ticket {row}." for row in range(rows)]
    place.write(pa.table({"body": bodies}), row_group_size=1_000)
    found = estimate(place)
    assert 3_000 < found.basis.rows_read <= 32 * 128
    assert found.basis.rows_to_skip == pytest.approx(rows / 4, rel=0.02)
    assert found.basis.rows_to_ask == pytest.approx(rows * 3 / 4, rel=0.02)
    assert found.basis.rows_to_ask + found.basis.rows_to_skip == rows


def test_answers_of_attempt_that_failed_are_counted_and_measured(place: Workplace) -> None:
    place.write(texts_table(200))
    place.sim.follow(script(faults=(Fault(kind="403", after=50),)))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=8)
    paid = len(place.paid_prompts())
    place.sim.follow(script())
    found = estimate(place)
    assert found.basis.rows_decided == paid
    assert found.basis.rows_to_ask == 200 - paid
    assert found.basis.paid_nano_usd == round(place.sim.ledger.total_usd * 1e9)
    assert found.forecast.prompt.method.startswith("measured")
    before = place.sim.ledger.total_usd
    place.run()
    rest = (place.sim.ledger.total_usd - before) * 1e9
    assert found.forecast.cost_nano_usd == pytest.approx(rest, rel=0.05)


def test_low_balance_key_limit_and_a_budget_are_named(place: Workplace) -> None:
    account = Account(key=KEY, balance_usd=0.05, key_limit_usd=0.02, key_limit_retention="month")
    place.sim.follow(Script(account=account))
    place.write(speeches())
    words = estimate(place, settings=Settings(max_cost_usd=0.01)).in_words()
    assert "The balance, 0.050000 USD, does not cover it: top up by" in words
    assert "the key's limit this month, 0.020000 USD, does not cover it: raise the limit" in words
    assert "What is left of max_cost_usd, 0.010000 USD, does not cover it" in words


@pytest.mark.parametrize("faults", [(), (Fault(kind="500", path="/v1/models"),)])
def test_used_up_balance_is_warned_of(
    place: Workplace, caplog: pytest.LogCaptureFixture, faults: tuple[Fault, ...]
) -> None:
    """Also if no price is known, so that no bill shows that the balance is too low."""
    place.sim.follow(Script(account=Account(key=KEY, balance_usd=0), faults=faults))
    place.write(speeches(10))
    assert "no call is answered without credit" in estimate(place).in_words()
    assert "The balance is used up. Top up at" in caplog.text


def test_silent_account_and_price_list_are_reported_without_stopping(place: Workplace) -> None:
    faults = tuple(
        Fault(kind="500", path=path) for path in ("/v1/models", "/v2/billing", "/v1/key")
    )
    place.sim.follow(script(faults=faults))
    place.write(speeches())
    found = estimate(place, sample_rows=10)
    assert found.prices is None
    assert found.forecast.cost_nano_usd
    assert "Balance and key could not be fetched" in found.in_words()


def test_a_wrong_key_is_found_before_the_run(place: Workplace) -> None:
    place.write(speeches(10))
    place.sim.follow(Script(account=Account(key="another-key")))
    with pytest.raises(AccessRefused):
        estimate(place)


def test_what_the_run_would_refuse_is_refused_here(place: Workplace) -> None:
    place.write(speeches(10))
    with pytest.raises(InvalidSpec, match=r"Did you mean \{body\}"):
        estimate(place, prompt="{bdoy}")
    with pytest.raises(InvalidSpec, match="answer_tokens=300 is more than max_tokens=256"):
        estimate_job(place.job(), Settings(), Inquiry(answer_tokens=300))
    assert place.sim.ledger.requests == []


@pytest.mark.parametrize("wrong", [-1, 1_001, True, 1.5])
def test_a_sample_of_no_sensible_size_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidSpec, match="sample_rows="):
        Inquiry(sample_rows=wrong)
    with pytest.raises(InvalidSpec, match="answer_tokens="):
        Inquiry(answer_tokens=0)


def test_a_sample_that_is_all_rejected_says_why(place: Workplace) -> None:
    place.write(speeches())
    place.sim.follow(script(faults=(Fault(kind="400"),)))
    with pytest.raises(TooManyRejections):
        estimate(place, sample_rows=30)
    assert place.sim.ledger.total_usd == 0


def test_a_sample_that_is_stopped_asks_for_nothing(place: Workplace) -> None:
    place.write(speeches(10))
    stop = StopSignal()
    stop.request_stop()
    with pytest.raises(RunInterrupted):
        estimate_job(place.job(), Settings(), Inquiry(sample_rows=5), stop=stop)
    assert place.paid_prompts() == []


def test_sample_over_too_many_shards_completes(place: Workplace) -> None:
    """It spans more shards than may be open at once."""
    for number in range(12):
        place.write(texts_table(8_000, start=8_000 * number), f"{number:02}.parquet")
    spec = CompletionSpec(model=MODEL, max_tokens=MAX_TOKENS)
    found = estimate(place, sample_rows=24, completion=spec)
    assert found.sample_rows == len(place.paid_prompts()) == 24
    assert found.basis.rows_to_ask == 96_000 - 24
