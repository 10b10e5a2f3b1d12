"""Runs with `on_truncated="raise"`, against the API's own ledger."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.errors import BudgetExhausted
from tests.runs.conftest import expected, script, texts_table

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

CUT_ONCE = Fault(kind="truncated", contains="7.", times=1, per_prompt=True)


def test_cut_answers_become_whole_ones(place: Workplace) -> None:
    place.sim.follow(script(faults=(CUT_ONCE,)))
    place.write(texts_table(60))
    report = place.run(place.job(on_truncated="raise"))
    assert (report.tally.ok, report.requests) == (60, 66)
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500
    result = place.result().to_pydict()
    assert result["completion"] == [expected(body) for body in result["body"]]
    by_id = {record.inference_id: record for record in place.sim.ledger.billed}
    paid = Counter(place.paid_prompts())
    for info in result["completion_info"]:
        last = by_id[info["inference_id"]]
        calls = [one for one in by_id.values() if one.prompt_sha256 == last.prompt_sha256]
        assert info["attempts"] == len(calls) == paid[last.prompt_sha256 or ""]
        assert info["completion_tokens"] == sum(one.completion_tokens for one in calls)
        assert info["request_hash"] == calls[0].body_sha256
    assert len({record.body_sha256 for record in by_id.values()}) == 66


@pytest.mark.parametrize("fault", ["400", "422"])
def test_cut_answer_outlives_a_refused_second_call(place: Workplace, fault: str) -> None:
    refused = Fault(kind="raw", status=int(fault), contains="7.", body="{}")
    place.sim.follow(script(faults=(CUT_ONCE, refused)))
    place.write(texts_table(60))
    report = place.run(place.job(on_truncated="raise"), max_rejected_rows=0)
    assert (report.tally.ok, report.tally.truncated, report.tally.rejected) == (54, 6, 0)
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500


@pytest.mark.parametrize("budget_usd", [0.01, 0.05])
def test_budget_holds_while_calls_are_raised(place: Workplace, budget_usd: float) -> None:
    cut = Fault(kind="truncated", times=1, per_prompt=True)
    place.sim.follow(script(latency=Latency(median_s=0.02, sigma=0.5), faults=(cut,)))
    place.write(texts_table(400))
    with pytest.raises(BudgetExhausted):
        place.run(place.job(on_truncated="raise"), max_cost_usd=budget_usd, max_concurrency=32)
    assert place.sim.ledger.total_usd <= budget_usd
    report = place.run(place.job(on_truncated="raise"))
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500
    assert max(Counter(place.paid_prompts()).values()) == 2
