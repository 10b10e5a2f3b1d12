"""Runs whose form of requests the API refuses: the next form is tried once, and stays."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Fault, Gateway, Latency
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import TooManyRejections
from tests.runs.conftest import script, texts_table
from tests.runs.typed import FORCED, FORMAT, INSTRUCTED, typed_job

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

FIRST_FIELD = {FORCED: "tools", FORMAT: "response_format"}


def refusing(*fields: str, **changes: Any) -> Any:
    return script(gateway=Gateway(refuses=fields), **changes)


def statuses(place: Workplace) -> Counter[int]:
    return Counter(record.status for record in place.sim.ledger.requests if record.body_sha256)


@pytest.mark.parametrize("model", [FORCED, FORMAT])
@pytest.mark.parametrize("concurrency", [1, 8, 256])
def test_a_refused_form_is_changed(place: Workplace, model: str, concurrency: int) -> None:
    place.sim.follow(refusing(FIRST_FIELD[model]))
    place.write(texts_table(60))
    report = place.run(typed_job(place, model), max_concurrency=concurrency, max_rejected_rows=0)
    assert (report.tally.ok, len(place.sim.ledger.billed)) == (60, 60)
    assert report.requests <= 60 + 60 + 16


@pytest.mark.parametrize("rows", [1, 3, 16])
def test_a_small_run_changes_the_form(
    place: Workplace, rows: int, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.follow(refusing("tools"))
    place.write(texts_table(rows))
    with caplog.at_level(logging.INFO):
        report = place.run(typed_job(place))
    assert report.tally.ok == rows
    lines = [record.getMessage() for record in caplog.records]
    assert any("requested as 'forced tool'. It adds a few hundred" in line for line in lines)
    assert any(f"first {rows} rows" in line and "'instructed JSON'" in line for line in lines)


def test_two_refused_forms_end_with_both_texts(place: Workplace) -> None:
    place.sim.follow(refusing("tools", faults=(Fault(kind="400"),)))
    place.write(texts_table(60))
    with pytest.raises(TooManyRejections, match="in each form") as caught:
        place.run(typed_job(place))
    assert "'forced tool': " in str(caught.value)
    assert "'instructed JSON': " in str(caught.value)
    assert place.sim.ledger.billed == []
    assert place.visible() == []


def test_the_only_form_is_not_changed(place: Workplace) -> None:
    place.sim.follow(refusing("system"))
    place.write(texts_table(60))
    with pytest.raises(TooManyRejections, match="rejected with HTTP 400, so the set-up is wrong"):
        place.run(typed_job(place, INSTRUCTED))


def test_thinking_excludes_the_forced_tool(place: Workplace) -> None:
    place.sim.follow(refusing("tools"))
    place.write(texts_table(6))
    spec = CompletionSpec(model=FORCED, max_tokens=4096, thinking={"type": "adaptive"})
    report = place.run(typed_job(place, completion=spec))
    assert (report.tally.ok, report.requests) == (6, 6)


@pytest.mark.parametrize("concurrency", [1, 256])
def test_some_refused_rows_change_nothing(place: Workplace, concurrency: int) -> None:
    faults = tuple(Fault(kind="400", contains=f"Ticket {row}.") for row in range(12))
    place.sim.follow(script(faults=faults, latency=Latency(median_s=0.02)))
    place.write(texts_table(60))
    report = place.run(typed_job(place), max_concurrency=concurrency, max_rejected_rows=12)
    assert (report.tally.ok, report.tally.rejected) == (48, 12)
    calls = [record for record in place.sim.ledger.billed if record.prompt_tokens > 300]
    assert len(calls) == 48  # a forced tool adds hundreds of tokens


def test_another_refusal_ends_the_trial(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="422"),)))
    place.write(texts_table(20))
    with pytest.raises(TooManyRejections, match="rejected with HTTP 422, so the set-up"):
        place.run(typed_job(place), max_rejected_rows=None)


def test_a_later_attempt_begins_with_the_form_that_worked(place: Workplace) -> None:
    place.sim.follow(refusing("tools", latency=Latency(median_s=0.02)))
    place.write(texts_table(200))
    place.run_until_billed(40, max_concurrency=8, job=typed_job(place))
    refused, paid = statuses(place)[400], len(place.sim.ledger.billed)
    assert (refused >= 16, paid >= 40) == (True, True)
    report = place.run(typed_job(place))
    assert (report.tally.ok, report.reused) == (200, paid)
    assert (statuses(place)[400], len(place.sim.ledger.billed)) == (refused, 200)
