"""Runs with models of several dialects: what is sent, logged, and refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.core.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.request import CompletionSpec
from airflow_provider_aimlapi.engine.clock import SystemClock
from airflow_provider_aimlapi.engine.prepare import prepare
from airflow_provider_aimlapi.errors import AccessRefused
from airflow_provider_aimlapi.storage.fsspec_store import FsspecStore
from tests.runs.conftest import Workplace, script, texts_table

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
    prepare(place.job(completion=completion(model)), lambda _: store, SystemClock())
    said = [line for line in caplog.messages if "assumed to speak the dialect" in line]
    assert len(said) == lines
