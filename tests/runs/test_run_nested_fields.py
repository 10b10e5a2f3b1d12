"""Paths into nested columns in prompt and system text, from Parquet to the bytes that are sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from airflow_provider_aimlapi.engine.blocking import estimate_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

ORDERS = pa.table(
    {
        "customer": pa.array([{"plan": "pro"}, {"plan": None}, None, {"plan": "free"}]),
        "lines": pa.array(
            [[{"sku": "A1"}], [{"sku": "B2"}], [{"sku": "C3"}], [{"sku": "D4"}, {"sku": "E5"}]]
        ),
    }
)


def test_prompt_and_system_are_filled_from_paths(place: Workplace) -> None:
    """A null on a path skips the row."""
    place.write(ORDERS)
    job = place.job(
        prompt="Plan {customer.plan}, item {lines[0].sku}", system="You sell {lines[0].sku}."
    )
    report = place.run(job)
    assert (report.tally.ok, report.tally.skipped) == (2, 2)
    infos = place.result()["completion_info"].to_pylist()
    assert [info["error"] for info in infos] == [
        None,
        "null in column 'customer.plan'",
        "null in column 'customer.plan'",
        None,
    ]
    sent = {
        hashlib.sha256(f"Plan {plan}, item {sku}".encode()).hexdigest()
        for plan, sku in (("pro", "A1"), ("free", "D4"))
    }
    assert set(place.paid_prompts()) == sent
    assert place.result().select(["customer", "lines"]).to_pylist() == ORDERS.to_pylist()


def test_an_estimate_reads_paths_as_the_run_does(place: Workplace) -> None:
    place.write(ORDERS)
    job = place.job(prompt="{customer.plan}", constant_prompt=True)
    found = estimate_job(job, Settings(), Inquiry(sample_rows=2))
    assert found.summary()["rows_to_ask"] == 0
    report = place.run(job)
    assert (report.reused, report.requests, report.tally.ok) == (2, 0, 2)


def test_a_wrong_path_is_refused_before_any_call(place: Workplace) -> None:
    place.write(ORDERS)
    with pytest.raises(InvalidSpec, match=r"'lines\[0\]' has no field 'sqku'.*\{lines\[0\]\.sku\}"):
        place.run(place.job(prompt="Item {lines[0].sqku}"))
    assert place.sim.ledger.requests == []
