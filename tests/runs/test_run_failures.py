"""What a run does about what goes wrong: nothing is lost, nothing is bought in vain."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from aimlapi_simulator import Account, Fault, Limits, Script
from airflow_provider_aimlapi.engine.calls.feed import SPARE_ROWS
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiUnavailable,
    BudgetExhausted,
    TooManyRejections,
)
from tests.runs.conftest import KEY, Workplace, expected, script, texts_table


def fault(kind: str, **where: object) -> Script:
    """A script with one fault."""
    return script(faults=(Fault(kind=kind, **where),))  # type: ignore[arg-type]  # as Fault's own


@pytest.mark.parametrize(
    "kind", ["500", "500-maintenance", "502-html", "503-empty", "504", "disconnect-unbilled"]
)
def test_failure_that_passes_costs_a_try_and_no_row(place: Workplace, kind: str) -> None:
    place.sim.follow(fault(kind, contains="Ticket 3.", times=1))
    place.write(texts_table(8))
    report = place.run()
    assert report.tally.ok == 8
    assert report.requests == 9
    attempts = [info["attempts"] for info in place.result()["completion_info"].to_pylist()]
    assert attempts == [1, 1, 1, 2, 1, 1, 1, 1]
    assert len(place.sim.ledger.billed) == 8


@pytest.mark.parametrize("kind", ["html-200", "empty-200"])
def test_web_page_as_an_answer_is_sent_again(place: Workplace, kind: str) -> None:
    place.sim.follow(fault(kind, contains="Ticket 3.", times=1))
    place.write(texts_table(8))
    assert place.run().tally.ok == 8


def test_throttling_uses_up_no_attempt_and_loses_no_row(place: Workplace) -> None:
    place.sim.follow(fault("429", contains="Ticket 5.", times=4))
    place.write(texts_table(40))
    report = place.run(max_attempts=1)
    assert report.tally.ok == 40
    assert report.throttled == 4
    assert place.result()["completion_info"].to_pylist()[5]["attempts"] == 1


def test_unacceptable_row_is_rejected_with_the_reason(place: Workplace) -> None:
    place.sim.follow(fault("400", contains="Ticket 3."))
    place.write(texts_table(30))
    report = place.run()
    info = place.result()["completion_info"].to_pylist()[3]
    assert (report.tally.ok, report.tally.rejected) == (29, 1)
    assert info["status"] == "rejected"
    assert "Body validation error" in info["error"]
    assert info["attempts"] == 2
    assert place.result()["completion"].to_pylist()[3] is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "400-details",
            "Validation failed: messages[0].content: Expected: other. Received: this.",
        ),
        ("400-vendor", "prompt is too long: 200001 tokens > 200000 maximum"),
    ],
)
def test_a_rejected_row_says_what_was_wrong_and_where(
    place: Workplace, caplog: pytest.LogCaptureFixture, kind: str, words: str
) -> None:
    place.sim.follow(fault(kind, contains="Ticket 3."))
    place.write(texts_table(30))
    place.run()
    info = place.result()["completion_info"].to_pylist()[3]
    assert info["error"] == f"HTTP 400: {words}"
    assert words not in caplog.text


def test_row_that_keeps_failing_is_rejected_while_others_succeed(place: Workplace) -> None:
    place.sim.follow(fault("500", contains="Ticket 3."))
    place.write(texts_table(300))
    report = place.run(max_attempts=1, max_concurrency=4)
    assert (report.tally.ok, report.tally.rejected) == (299, 1)
    assert place.result()["completion_info"].to_pylist()[3]["attempts"] == 1


def test_unreadable_answer_is_bought_three_times_at_most(place: Workplace) -> None:
    place.sim.follow(fault("no-choices", contains="Ticket 3."))
    place.write(texts_table(30))
    report = place.run()
    assert report.tally.rejected == 1
    assert len(place.sim.ledger.billed) == 29 + 3


def bills_of_the_dearest_row(place: Workplace) -> int:
    """How often the row that was paid for most often was paid for."""
    return max(Counter(place.paid_prompts()).values())


@pytest.mark.parametrize("kind", ["no-choices", "brotli-unasked"])
def test_unreadable_answers_are_bought_three_times_over_all_attempts(
    place: Workplace, kind: str
) -> None:
    place.write(texts_table(30))
    unread = Fault(kind=kind, contains="Ticket 3.", times=2)
    waiting = Fault(kind="503", contains="Ticket 3.", retry_after_s=60.0)
    place.sim.follow(script(faults=(unread, waiting)))
    place.run_until_billed(31)
    place.sim.follow(fault(kind, contains="Ticket 3."))
    report = place.run()
    assert (report.tally.ok, report.tally.rejected) == (29, 1)
    assert bills_of_the_dearest_row(place) == 3
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def fail_with_a_row_that_used_up_its_answers(place: Workplace) -> None:
    """Its part is not durable: another of its rows waits."""
    place.write(texts_table(30))
    unread = Fault(kind="brotli-unasked", contains="Ticket 3.")
    waiting = Fault(kind="503", contains="Ticket 20.", retry_after_s=60.0)
    place.sim.follow(script(faults=(unread, waiting)))
    with pytest.raises(TooManyRejections):
        place.run(max_rejected_rows=0)
    assert bills_of_the_dearest_row(place) == 3
    place.sim.follow(script())


def test_row_without_answers_left_is_rejected_without_a_call(place: Workplace) -> None:
    fail_with_a_row_that_used_up_its_answers(place)
    with pytest.raises(TooManyRejections, match="encoding br was not requested"):
        place.run(max_rejected_rows=0)
    report = place.run()
    assert (report.tally.ok, report.tally.rejected) == (29, 1)
    assert place.result()["completion_info"].to_pylist()[3]["attempts"] == 3
    assert bills_of_the_dearest_row(place) == 3
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def test_row_without_answers_left_is_sent_if_retries_allow(place: Workplace) -> None:
    fail_with_a_row_that_used_up_its_answers(place)
    report = place.run(max_rejected_rows=0, retry_rejected=True)
    assert report.tally.ok == 30
    assert bills_of_the_dearest_row(place) == 4
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


@pytest.mark.parametrize("kind", ["html-200", "empty-200"])
def test_pages_in_place_of_all_answers_lose_no_row(place: Workplace, kind: str) -> None:
    place.sim.follow(fault(kind, after=50))
    place.write(texts_table(200))
    with pytest.raises(ApiUnavailable):
        place.run(max_concurrency=8, stall_timeout_s=0.5)
    place.sim.follow(script())
    assert place.run().tally.ok == 200


def test_too_many_rejections_publish_nothing_and_keep_paid_answers(place: Workplace) -> None:
    place.sim.follow(fault("400", contains="7."))
    place.write(texts_table(100))
    with pytest.raises(TooManyRejections, match="max_rejected_rows allows 5"):
        place.run(max_rejected_rows=5, max_concurrency=4)
    assert place.visible() == []
    assert not place.fs.exists(f"{place.output}/_SUCCESS")
    paid = len(place.sim.ledger.billed)
    place.sim.follow(script())
    report = place.run(max_rejected_rows=0.5)
    assert 6 <= report.tally.rejected < 10
    assert len(place.sim.ledger.billed) == 100 - report.tally.rejected >= paid


def test_when_all_first_answers_are_rejections_the_run_stops(place: Workplace) -> None:
    place.sim.follow(fault("400"))
    place.write(texts_table(5_000))
    with pytest.raises(TooManyRejections, match="first 16 rows sent were all rejected"):
        place.run(max_rejected_rows=None)
    assert len(place.sim.ledger.requests) < 60


@pytest.mark.parametrize(
    ("kind", "advice"), [("401", "key"), ("403", "credit"), ("404", "model"), ("307", "host|URL")]
)
def test_closed_door_ends_admission_and_names_the_fix(
    place: Workplace, kind: str, advice: str
) -> None:
    place.sim.follow(fault(kind))
    place.write(texts_table(5_000))
    with pytest.raises(AccessRefused, match=f"(?i){advice}") as caught:
        place.run()
    assert KEY not in repr(caught.value)
    assert len(place.sim.ledger.requests) <= 64  # what the window grows to until the first answer


def test_no_credit_in_the_middle_keeps_what_was_paid(place: Workplace) -> None:
    place.sim.follow(fault("403", after=100))
    place.write(texts_table(300))
    with pytest.raises(AccessRefused):
        place.run()
    paid = set(place.paid_prompts())
    assert 100 <= len(paid) < 300
    assert place.visible() == []
    place.sim.follow(script())
    report = place.run()
    assert report.reused == len(paid)
    assert sorted(place.paid_prompts()) == sorted(set(place.paid_prompts()))
    assert len(place.paid_prompts()) == 300


def test_an_outage_loses_no_row(place: Workplace) -> None:
    place.sim.follow(fault("503", after=50))
    place.write(texts_table(200))
    with pytest.raises(ApiUnavailable):
        place.run(max_attempts=2, max_concurrency=8, stall_timeout_s=0.5)
    place.sim.follow(script())
    report = place.run()
    assert report.tally.ok == 200
    assert len(place.paid_prompts()) == 200


def test_an_api_that_answers_only_html_ends_the_run(place: Workplace) -> None:
    place.sim.follow(fault("html-200"))
    place.write(texts_table(100))
    with pytest.raises(ApiUnavailable):
        place.run(max_concurrency=4, stall_timeout_s=0.5)
    at_work, waiting = 4, 2 * 4
    assert len(place.sim.ledger.requests) <= (at_work + waiting + SPARE_ROWS) * 2


def test_budget_is_exceeded_only_by_calls_in_flight(place: Workplace) -> None:
    place.write(texts_table(400))
    budget = 0.05
    with pytest.raises(BudgetExhausted, match="max_cost_usd"):
        place.run(max_cost_usd=budget, max_concurrency=16)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert budget - 2 * dearest <= place.sim.ledger.total_usd <= budget + 16 * dearest
    with pytest.raises(BudgetExhausted):
        place.run(max_cost_usd=budget, max_concurrency=16)
    assert place.sim.ledger.total_usd <= budget + 16 * dearest
    assert place.run().tally.ok == 400
    assert len(place.paid_prompts()) == 400


def test_a_budget_is_not_kept_blindly(place: Workplace) -> None:
    place.sim.follow(fault("cost-nowhere"))
    place.write(texts_table(400))
    with pytest.raises(BudgetExhausted, match="without reporting the charge"):
        place.run(max_cost_usd=100.0, max_concurrency=4)
    assert len(place.paid_prompts()) <= 4


@pytest.mark.parametrize("kind", ["no-choices", "invalid-json", "brotli-unasked"])
def test_answer_that_cannot_be_read_is_on_the_bill(place: Workplace, kind: str) -> None:
    place.sim.follow(fault(kind, contains="Ticket 3.", times=2))
    place.write(texts_table(30))
    report = place.run()
    assert report.tally.ok == 30
    assert len(place.sim.ledger.billed) == 32
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd
    place.sim.follow(fault(kind, contains="Ticket 3."))
    report = place.run(place.job(prompt="Again: {body}"))
    assert report.tally.rejected == 1
    assert len(place.sim.ledger.billed) == 32 + 29 + 3


def test_unknown_cost_stays_unknown_beside_an_unreadable_answers_cost(
    place: Workplace,
) -> None:
    """What is known is in the sum all the same, and no attempt keeps its budget blindly."""
    place.write(texts_table(30))
    unread = Fault(kind="no-choices", contains="Ticket 3.", times=1)
    silent = Fault(kind="cost-nowhere", contains="Ticket 3.")
    waiting = Fault(kind="503", contains="Ticket 20.", retry_after_s=2.0)
    place.sim.follow(script(faults=(unread, silent, waiting)))
    for _ in range(2):
        with pytest.raises(BudgetExhausted, match="without reporting the charge"):
            place.run(max_cost_usd=100.0)
    assert len(place.sim.ledger.billed) == 30
    dearest = Counter(place.paid_prompts()).most_common(1)[0][0]
    bills = [each.usd for each in place.sim.ledger.billed if each.prompt_sha256 == dearest]
    place.sim.follow(script())
    report = place.run()
    assert report.tally.rows_without_cost == 1
    assert report.as_return_value()["cost_usd"] == pytest.approx(
        place.sim.ledger.total_usd - bills[-1]
    )
    info = place.result()["completion_info"].to_pylist()[3]
    assert (info["status"], info["cost_usd"]) == ("ok", None)


def test_the_budget_counts_answers_that_cannot_be_read(place: Workplace) -> None:
    place.sim.follow(fault("no-choices", share=0.6))
    place.write(texts_table(400))
    with pytest.raises(BudgetExhausted):
        place.run(max_cost_usd=0.05, max_concurrency=8, max_rejected_rows=400)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert place.sim.ledger.total_usd <= 0.05 + 8 * dearest


def test_lost_answers_are_not_charged_twice_to_the_budget(place: Workplace) -> None:
    place.sim.follow(fault("disconnect-billed", share=0.5))
    place.write(texts_table(400))
    with pytest.raises(BudgetExhausted):
        place.run(max_cost_usd=0.05, max_concurrency=8, max_rejected_rows=400)
    dearest = max(record.usd for record in place.sim.ledger.billed)
    assert place.sim.ledger.total_usd <= 0.05 + 2 * 8 * dearest


def test_a_mended_setup_asks_the_rejected_rows_again(place: Workplace) -> None:
    place.sim.follow(fault("400"))
    place.write(texts_table(30))
    with pytest.raises(TooManyRejections):
        place.run()
    place.sim.follow(script())
    report = place.run()
    assert (report.tally.ok, report.tally.rejected) == (30, 0)


def test_progress_tells_numbers_and_no_text(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.follow(Script(account=Account(key=KEY), limits=Limits(rps=100)))
    place.write(texts_table(150))
    with caplog.at_level(logging.DEBUG):
        place.run(progress_interval_s=0.2)
    lines = [record.getMessage() for record in caplog.records if "rows/s" in record.getMessage()]
    assert lines
    assert all(word in lines[-1] for word in ("of 150 rows", "in flight", "throttled", "USD"))
    assert len(caplog.records) < 50
    assert "printer" not in caplog.text
    assert KEY not in caplog.text


def test_hundreds_of_rows_through_a_mixture_of_faults(place: Workplace) -> None:
    kinds = ("429", "500", "502-html", "503-empty", "disconnect-unbilled", "gzip", "201")
    faults = tuple(Fault(kind=kind, share=0.05, times=20) for kind in kinds)
    place.sim.follow(script(faults=faults, limits=Limits(max_concurrent=40)))
    place.write(texts_table(600), row_group_size=70)
    report = place.run(max_concurrency=64)
    assert report.tally.ok == 600
    result = place.result()
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    assert len(place.paid_prompts()) == 600
