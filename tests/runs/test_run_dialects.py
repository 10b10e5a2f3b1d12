"""Runs with models of several dialects: what is sent, logged, and refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Gateway, answer_for
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL, DIALECTS, Dialect
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import AccessRefused
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from tests.runs.conftest import PROMPT, Workplace, script, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import Job

DOTTED = "anthropic/claude-sonnet-4.6"
REFUSED_ROLE = (
    '{"message": "Validation failed", "error": {"details": [{"path": "messages.0.role", '
    '"reason": "Invalid enum value. Expected user, received system"}]}}'
)


def completion(model: str = DOTTED) -> CompletionSpec:
    return CompletionSpec(model=model, max_tokens=64)


def instructed(place: Workplace) -> Job:
    return place.job(completion=completion(), system="Be brief.")


@pytest.mark.parametrize("concurrency", [1, 256])
def test_a_refused_role_ends_the_run(place: Workplace, concurrency: int) -> None:
    fault = Fault(kind="raw", status=400, content_type="application/json", body=REFUSED_ROLE)
    place.sim.follow(script(faults=(fault,)))
    place.write(texts_table(60))
    with pytest.raises(AccessRefused, match=f"'{DEFAULT_MODEL}'"):
        place.run(instructed(place), max_concurrency=concurrency)
    assert len(place.sim.ledger.requests) < 40
    assert place.paid_prompts() == []


def test_row_that_is_refused_for_role_ends_no_run(place: Workplace) -> None:
    place.sim.follow(
        script(
            faults=(
                Fault(
                    kind="raw",
                    status=400,
                    content_type="application/json",
                    body=REFUSED_ROLE,
                    contains="Ticket 13.",
                ),
            )
        )
    )
    place.write(texts_table(60))
    report = place.run(instructed(place))
    assert (report.tally.ok, report.tally.rejected) == (59, 1)


def test_older_document_s_refusal_of_role_ends_the_run(place: Workplace) -> None:
    place.sim.follow(script(gateway=Gateway(documents="older")))
    place.write(texts_table(60))
    with pytest.raises(AccessRefused, match=f"'{DEFAULT_MODEL}'"):
        place.run(instructed(place))
    assert place.paid_prompts() == []


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.example)
def test_instructions_arrive_in_every_dialect(place: Workplace, dialect: Dialect) -> None:
    """The API may drop what a dialect lacks; the simulator's answers depend on what arrived."""
    place.sim.follow(script(gateway=Gateway(is_strict=True)))
    place.write(texts_table(3))
    spec = CompletionSpec(
        model=dialect.example, max_tokens=4_000, stop_sequences=("never in an answer",)
    )
    assert place.run(place.job(completion=spec, system="Be brief.")).tally.ok == 3
    result = place.result()
    prompts = [PROMPT.replace("{body}", body) for body in result["body"].to_pylist()]
    answers = [answer_for(dialect.example, "Be brief.", prompt, 4_000) for prompt in prompts]
    assert result["completion"].to_pylist() == answers


def test_another_dialect_is_another_run(place: Workplace) -> None:
    place.write(texts_table(3))
    jobs = [place.job(completion=completion(model)) for model in (DOTTED, DEFAULT_MODEL)]
    keys = {place.run(job).run_key for job in jobs}
    assert len(keys) == 2


@pytest.mark.parametrize(("model", "lines"), [(DOTTED, 0), ("claude-sonnet-4-9", 1)])
def test_an_assumed_dialect_is_logged_once(
    place: Workplace, caplog: pytest.LogCaptureFixture, model: str, lines: int
) -> None:
    place.write(texts_table(1))
    caplog.set_level(logging.INFO)
    store = FsspecStore(place.fs, place.output)
    prepare_run(place.job(completion=completion(model)), lambda _: store, SystemClock())
    said = [line for line in caplog.messages if "suggests the dialect" in line]
    assert len(said) == lines
