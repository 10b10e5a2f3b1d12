"""No stored number lifts a budget, makes money come back, or takes rows out of the sum."""

from __future__ import annotations

import json

import msgspec
import pytest

from airflow_provider_aimlapi.core.durable.journal import decode_segment
from airflow_provider_aimlapi.errors import BudgetExhausted, JournalUnreadable
from tests.attacks.broken_values import framed
from tests.attacks.planted_stores import (
    check,
    finished,
    interrupted,
    run_key_of,
    segments,
    the,
)


def test_planted_records_lift_no_budget() -> None:
    """Whatever costs records claim, an attempt spends what is left of the budget at most."""
    bench = interrupted()
    budget_usd = 0.02
    whole = bench.attempt()
    assert whole.report is not None
    left = round(budget_usd * 1e9) - whole.report.tally.cost_nano_usd + whole.cost_nano_usd
    usual = bench.attempt(max_cost_usd=budget_usd)
    assert isinstance(usual.error, BudgetExhausted)
    assert 0 < usual.cost_nano_usd <= left <= whole.cost_nano_usd
    record = next(decode_segment(bench.objects[segments(bench)[0]]))
    costs = (-1, -(10**18), -(2**63), 2**63)
    texts = ("-5", "-1e30", "NaN", "-Infinity", "1e999", "-0", "", "5" * 5_000)
    planted = [msgspec.structs.replace(record, unread_cost_nano_usd=cost) for cost in costs]
    for header in ("usd_spent", "credits_used"):
        planted += [msgspec.structs.replace(record, **{header: text}) for text in texts]
    planted += [msgspec.structs.replace(record, row=row) for row in (-1, 5, 8191, 8192, 2**63)]
    run_key = run_key_of(finished())
    for record in planted:
        for part in range(4):
            name = f"_aimlapi/{run_key}/journal/{part:05d}/00000001-00000099"
            changes = {name: framed(msgspec.msgpack.encode(record))}
            attempt = bench.attempt(changes=changes, max_cost_usd=budget_usd)
            check(bench, attempt)
            assert attempt.cost_nano_usd <= left, record


def test_planted_progress_changes_no_sum_of_the_run() -> None:
    """The page's numbers may be wrong; what the task returns is counted anew."""
    name = the(interrupted(), "progress.json")
    progress = json.loads(interrupted().objects[name])
    planted = progress | {"cost_nano_usd": 10**18, "rows_done": 10**9, "statuses": {"ok": 10**9}}
    attempt = interrupted().attempt(changes={name: json.dumps(planted).encode()})
    usual = interrupted().attempt()
    assert attempt.report is not None
    assert usual.report is not None
    assert attempt.report.tally == usual.report.tally


@pytest.mark.parametrize("field", ["cost_nano_usd", "ok", "rejected", "rows_without_cost"])
@pytest.mark.parametrize("value", [-1, -588, -(10**18), 2**62 + 1, 10**30])
def test_manifest_with_an_impossible_number_is_refused(field: str, value: int) -> None:
    name = the(finished(), "manifest.json")
    manifest = json.loads(finished().objects[name])
    for tally in (manifest["tally"], manifest["parts"][0]["tally"]):
        tally[field] = value
    attempt = finished().attempt(changes={name: json.dumps(manifest).encode()})
    assert isinstance(attempt.error, JournalUnreadable)
    assert "Remove the run's manifest.json" in str(attempt.error)
    assert attempt.prompts == []
