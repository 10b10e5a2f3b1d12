"""A gateway that drops the system text in silence: runs end before they pay for all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Gateway
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS
from airflow_provider_aimlapi.engine.blocking import complete_one, estimate_job, plan_job, run_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InstructionsDropped
from tests.runs.conftest import MAX_TOKENS, MODEL, Workplace, script, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import Job

DOTTED = "anthropic/claude-sonnet-4.6"
SYSTEM = (
    "You are a support analyst. Read the ticket and write two sentences for the engineer on duty. "
    "Name the floor, the device and the danger. Do not greet, do not apologise, do not guess. "
    "If the ticket mentions fire, begin with the word URGENT and name the nearest exit. "
    "Write plain English, without lists, without headings, and without quotation marks."
)
DROPS = Gateway(drops=("system",))


def instructed(place: Workplace, **changes: str) -> Job:
    return place.job(**{"system": SYSTEM} | changes)


@pytest.fixture
def dropping(place: Workplace) -> Workplace:
    place.sim.follow(script(gateway=DROPS))
    return place


def note_of(place: Workplace) -> list[str]:
    return [name for name in place.fs.find(place.output) if name.endswith("dropped.json")]


def test_dropped_instructions_end_the_run_early(dropping: Workplace) -> None:
    dropping.write(texts_table(2_000))
    with pytest.raises(InstructionsDropped) as caught:
        dropping.run(instructed(dropping), max_concurrency=8)
    assert len(dropping.paid_prompts()) <= OPENING_ROWS + 8
    assert dropping.visible() == []
    said = str(caught.value)
    assert MODEL in said
    assert "check_arrival=False" in said
    assert "printer" not in said
    assert "analyst" not in said


def test_error_names_the_dated_id_and_numbers(place: Workplace) -> None:
    place.write(texts_table(40))
    spec = CompletionSpec(model=DOTTED, max_tokens=MAX_TOKENS)
    place.sim.follow(script(gateway=DROPS))
    job = instructed(place)
    with pytest.raises(InstructionsDropped, match=r"prompt_tokens \d+ fits the prompt alone"):
        place.run(job)
    assert place.run(place.job(system=SYSTEM, completion=spec)).tally.ok == 40


def test_arrived_instructions_let_the_run_publish(place: Workplace) -> None:
    place.write(texts_table(60))
    assert place.run(instructed(place)).tally.ok == 60
    assert note_of(place) == []


def test_templated_instructions_are_checked(dropping: Workplace) -> None:
    dropping.write(texts_table(100))
    with pytest.raises(InstructionsDropped):
        dropping.run(instructed(dropping, system=SYSTEM + " The ticket has the number {id}."))


@pytest.mark.parametrize("rows", [1, 2, 5, OPENING_ROWS, OPENING_ROWS + 1])
def test_small_runs_are_judged_before_publication(dropping: Workplace, rows: int) -> None:
    dropping.write(texts_table(rows))
    with pytest.raises(InstructionsDropped):
        dropping.run(instructed(dropping))
    assert dropping.visible() == []


@pytest.mark.parametrize("bad", [0, 4])
def test_a_row_that_is_never_answered_delays_no_verdict(place: Workplace, bad: int) -> None:
    fault = Fault(kind="500", contains=f"Ticket {bad}.")
    place.sim.follow(script(gateway=DROPS, faults=(fault,)))
    place.write(texts_table(200))
    with pytest.raises(InstructionsDropped):
        place.run(instructed(place), max_concurrency=4)
    assert len(place.paid_prompts()) <= OPENING_ROWS + 4


def test_later_try_uses_no_dropped_answers(dropping: Workplace) -> None:
    dropping.write(texts_table(30))
    with pytest.raises(InstructionsDropped):
        dropping.run(instructed(dropping))
    paid = len(dropping.paid_prompts())
    dropping.sim.follow(script())  # the API delivers them now
    with pytest.raises(InstructionsDropped, match="Remove the run's folder"):
        dropping.run(instructed(dropping))
    assert len(dropping.paid_prompts()) == paid
    assert dropping.visible() == []


def test_other_model_starts_afresh_after_a_drop(dropping: Workplace) -> None:
    dropping.write(texts_table(30))
    with pytest.raises(InstructionsDropped):
        dropping.run(instructed(dropping))
    dropping.sim.follow(script())
    spec = CompletionSpec(model=DOTTED, max_tokens=MAX_TOKENS)
    report = dropping.run(dropping.job(system=SYSTEM, completion=spec))
    assert (report.tally.ok, report.reused) == (30, 0)


def test_override_uses_what_was_paid_for(dropping: Workplace) -> None:
    dropping.write(texts_table(300))
    with pytest.raises(InstructionsDropped):
        dropping.run(instructed(dropping), max_concurrency=4)
    paid = len(dropping.paid_prompts())
    report = dropping.run(instructed(dropping), check_arrival=False)
    assert (report.tally.ok, report.reused) == (300, paid)
    assert len(dropping.paid_prompts()) == 300


def test_override_asks_all_rows_at_once(dropping: Workplace) -> None:
    dropping.write(texts_table(50))
    assert dropping.run(instructed(dropping), check_arrival=False).tally.ok == 50


def test_run_without_instructions_is_not_checked(dropping: Workplace) -> None:
    dropping.write(texts_table(50))
    assert dropping.run().tally.ok == 50


def test_paid_sample_is_checked(dropping: Workplace) -> None:
    dropping.write(texts_table(100))
    with pytest.raises(InstructionsDropped):
        estimate_job(instructed(dropping), Settings(), Inquiry(sample_rows=20))
    with pytest.raises(InstructionsDropped, match="Remove the run's folder"):
        dropping.run(instructed(dropping))


def test_note_of_a_share_stops_the_publishing_task(dropping: Workplace) -> None:
    for number in range(2):
        dropping.write(texts_table(30, 30 * number), f"{number}.parquet")
    job = instructed(dropping)
    assert plan_job(job, Settings(), 2) == 2
    run_job(job, Settings(check_arrival=False), share=0)
    with pytest.raises(InstructionsDropped):
        run_job(job, Settings(), share=1)
    dropping.sim.follow(script())
    with pytest.raises(InstructionsDropped, match="Remove the run's folder"):
        dropping.run(job)
    assert dropping.visible() == []


def test_single_call_is_checked(dropping: Workplace) -> None:
    job = instructed(dropping)
    with pytest.raises(InstructionsDropped, match="1 answer shows"):
        complete_one(job.endpoint, job.completion, message_of("Say hello.", SYSTEM), Settings())
    kept = complete_one(
        job.endpoint,
        job.completion,
        message_of("Say hello.", SYSTEM),
        Settings(check_arrival=False),
    )
    assert kept.status == "ok"


def test_single_call_with_instructions_is_answered(place: Workplace) -> None:
    job = instructed(place)
    answer = complete_one(
        job.endpoint, job.completion, message_of("Say hello.", SYSTEM), Settings()
    )
    assert answer.status == "ok"
