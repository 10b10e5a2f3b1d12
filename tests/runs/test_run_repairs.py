"""Runs whose answers must follow a schema: what is repaired, what it costs, and what ends as invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.engine.blocking import estimate_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import BudgetExhausted, TooManyRejections
from tests.runs.conftest import script, texts_table
from tests.runs.typed import (
    ALWAYS,
    FORCED,
    INVALID,
    LENIENT,
    MODELS,
    UNTIL_FIRST_REPAIR,
    UNTIL_SECOND_REPAIR,
    spoiled,
    typed_job,
)

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

CASES = [
    *((kind, ALWAYS, ("ok", 0)) for kind in LENIENT),
    *((kind, UNTIL_FIRST_REPAIR, ("ok", 1)) for kind in INVALID),
    *((kind, UNTIL_SECOND_REPAIR, ("ok", 2)) for kind in INVALID),
    *((kind, ALWAYS, ("invalid", 2)) for kind in INVALID),
]


@pytest.mark.parametrize("model", MODELS)
def test_every_fault_is_repaired_or_ends_invalid(place: Workplace, model: str) -> None:
    faults = [spoiled(row, kind, until) for row, (kind, until, _) in enumerate(CASES)]
    place.sim.follow(script(faults=tuple(faults)))
    place.write(texts_table(len(CASES)))
    report = place.run(typed_job(place, model, repairs=2), max_rejected_rows=len(CASES))
    rows = place.result().to_pydict()
    found = [(info["status"], info["repairs"]) for info in rows["completion_info"]]
    assert found == [expected for _, _, expected in CASES]
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500
    assert (report.tally.repaired, report.tally.invalid) == (3 * len(INVALID), len(INVALID))
    by_id = {record.inference_id: record for record in place.sim.ledger.billed}
    assert len(by_id) == report.requests == sum(1 + repairs for _, (_, repairs) in expectations())
    for body, answer, info in zip(
        rows["body"], rows["completion"], rows["completion_info"], strict=True
    ):
        assert (answer is None) == (info["status"] == "invalid")
        assert (info["raw"] is None) == (answer is not None)
        assert (info["error"] is None) == (answer is not None)
        assert answer is None or answer["quote"] in body
        assert info["attempts"] == 1 + info["repairs"]
        assert info["inference_id"] in by_id


def expectations() -> list[tuple[int, tuple[str, int]]]:
    return [(row, expected) for row, (_, _, expected) in enumerate(CASES)]


def test_a_row_has_the_sums_of_its_calls(place: Workplace) -> None:
    place.sim.follow(script(faults=(spoiled(3, "typed-not-json", UNTIL_SECOND_REPAIR),)))
    place.write(texts_table(8))
    place.run(typed_job(place, repairs=3))
    info = place.result().to_pydict()["completion_info"][3]
    calls = [
        record
        for record in place.sim.ledger.billed
        if (record.client_request_id or "").split(":")[2] == "3"
    ]
    assert info["attempts"] == len(calls) == 3
    assert info["prompt_tokens"] == sum(record.prompt_tokens for record in calls)
    assert info["completion_tokens"] == sum(record.completion_tokens for record in calls)
    assert round(info["cost_usd"] * 1e9) == sum(record.credits for record in calls) * 500
    assert info["request_hash"] == calls[0].body_sha256
    assert info["inference_id"] == calls[-1].inference_id


def test_no_answer_text_is_in_the_error(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="typed-not-json"),)))
    place.write(texts_table(8))
    with pytest.raises(TooManyRejections, match=r"\$ is not a JSON object") as caught:
        place.run(typed_job(place), max_rejected_rows=3)
    assert "billing" not in str(caught.value)


@pytest.mark.parametrize("repairs", [0, 1])
def test_an_invalid_opening_ends_the_run(place: Workplace, repairs: int) -> None:
    place.sim.follow(script(faults=(Fault(kind="typed-wrong-type"),)))
    place.write(texts_table(400))
    with pytest.raises(TooManyRejections, match=r"first 16 rows sent are all invalid.*\$\.topic"):
        place.run(typed_job(place, repairs=repairs), max_rejected_rows=None, max_concurrency=16)
    assert len(place.sim.ledger.billed) < 80


def test_one_valid_answer_keeps_the_run_going(place: Workplace) -> None:
    """It may be any row's, also one that is not of the opening."""
    faults = [spoiled(row, "typed-cut", ALWAYS) for row in range(40) if row != 9]
    place.sim.follow(script(faults=tuple(faults)))
    place.write(texts_table(40))
    report = place.run(typed_job(place, repairs=0), max_rejected_rows=None, max_concurrency=8)
    assert (report.tally.ok, report.tally.invalid) == (1, 39)


def test_invalid_rows_are_sent_again_on_request(place: Workplace) -> None:
    faults = [spoiled(row, "typed-cut", ALWAYS) for row in (1, 5)]
    place.sim.follow(script(faults=tuple(faults)))
    place.write(texts_table(20))
    with pytest.raises(TooManyRejections):
        place.run(typed_job(place), max_rejected_rows=1)
    place.sim.follow(script())
    with pytest.raises(TooManyRejections):
        place.run(typed_job(place), max_rejected_rows=1)
    report = place.run(typed_job(place), max_rejected_rows=1, retry_rejected=True)
    assert (report.tally.ok, report.tally.invalid) == (20, 0)
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500


def test_a_cut_answer_is_not_repaired(place: Workplace) -> None:
    """It is raised on request, and then repaired if it is whole and invalid."""
    place.write(texts_table(6))
    small = typed_job(
        place, completion=typed_job(place).completion.__class__(model=FORCED, max_tokens=20)
    )
    report = place.run(small)
    assert (report.tally.truncated, report.requests) == (6, 6)
    raised = place.run(
        place.job(schema=small.schema, completion=small.completion, on_truncated="raise")
    )
    assert (raised.tally.ok, raised.requests) == (6, 12)


@pytest.mark.parametrize("budget_usd", [0.05, 0.2])
def test_budget_holds_while_answers_are_repaired(place: Workplace, budget_usd: float) -> None:
    faults = tuple(spoiled(row, "typed-cut", UNTIL_SECOND_REPAIR) for row in range(0, 300, 2))
    place.sim.follow(script(faults=faults, latency=Latency(median_s=0.02, sigma=0.5)))
    place.write(texts_table(300))
    job = typed_job(place, repairs=3)
    with pytest.raises(BudgetExhausted):
        place.run(job, max_cost_usd=budget_usd, max_concurrency=32)
    assert place.sim.ledger.total_usd <= budget_usd
    report = place.run(job)
    assert report.tally.ok == 300
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500
    bodies = [record.body_sha256 for record in place.sim.ledger.billed]
    assert len(bodies) == len(set(bodies)) == 300 + 2 * 150


def test_an_estimate_counts_the_schema_s_tokens(place: Workplace) -> None:
    place.write(texts_table(50))
    inquiry = Inquiry(answer_tokens=20)
    typed, plain = (
        estimate_job(job, Settings(), inquiry).forecast.prompt_tokens
        for job in (typed_job(place), typed_job(place, schema=None))
    )
    assert typed > plain + 50 * 50
