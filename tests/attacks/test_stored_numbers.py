"""No stored number lifts a budget, makes money come back, or takes rows out of the sum."""

from __future__ import annotations

import json

import msgspec
import pytest

from airflow_provider_aimlapi.core.journal import decode_segment
from airflow_provider_aimlapi.errors import BudgetExhausted, JournalUnreadable
from tests.attacks.broken_values import FEW, broken_bytes, broken_documents, framed
from tests.attacks.planted_stores import (
    BUDGET_USD,
    DEAREST_NANO_USD,
    check,
    finished,
    interrupted,
    run_key_of,
    segments,
    shared,
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


def claim(nano_usd: dict[str, int], epoch: int = 3, *, is_open: bool = False) -> bytes:
    return json.dumps({"epoch": epoch, "nano_usd": nano_usd, "is_open": is_open}).encode()


@pytest.mark.parametrize(
    "planted",
    [
        claim({"0": -(10**15)}),
        claim({"-1": -(10**15)}),
        claim({"0": 10**30}),
        claim({"1": 10**19}),
        claim({"64": 1}),
        claim({"-2": 1}),
        claim({"0": 1}, epoch=-1),
        claim({"0": 1}, epoch=10**9),
        b'{"epoch":1,"nano_usd":{"0":1.5},"is_open":false}',
        b'{"epoch":1,"nano_usd":{"0":NaN},"is_open":false}',
        b'{"epoch":1,"nano_usd":{"0":1},"is_open":"no"}',
        b"[" * 100_000,
        b"",
    ],
)
def test_planted_claim_is_named_before_any_call(planted: bytes) -> None:
    bench = shared()
    numbers = [int(name[-8:]) for name in bench.objects if "/claim/" in name]
    name = f"_aimlapi/{run_key_of(finished())}/claim/{max(numbers) + 1:08d}"
    attempt = bench.attempt(changes={name: planted}, max_cost_usd=BUDGET_USD)
    assert isinstance(attempt.error, JournalUnreadable)
    assert attempt.prompts == []


@pytest.mark.parametrize("number", [1_000, 99_999_999])
def test_claim_after_a_gap_is_named_before_any_call(number: int) -> None:
    name = f"_aimlapi/{run_key_of(finished())}/claim/{number:08d}"
    attempt = shared().attempt(changes={name: claim({"0": 0})}, max_cost_usd=BUDGET_USD)
    assert isinstance(attempt.error, JournalUnreadable)
    assert "lacks an entry" in str(attempt.error)
    assert attempt.prompts == []


def test_broken_claim_spends_no_more_than_the_budget() -> None:
    bench = shared()
    name = the(bench, "/claim/00000001")
    for what, data in (
        *broken_bytes(bench.objects[name]),
        *broken_documents(bench.objects[name], FEW),
    ):
        attempt = bench.attempt(changes={name: data}, max_cost_usd=BUDGET_USD)
        check(bench, attempt)
        assert attempt.cost_nano_usd <= BUDGET_USD * 1e9 + DEAREST_NANO_USD, what


def test_true_claim_that_is_planted_takes_money_away_only() -> None:
    """Whatever another share is said to have spent, this one spends no more than before."""
    bench = shared()
    usual = bench.attempt(max_cost_usd=0.03).cost_nano_usd
    numbers = [int(name[-8:]) for name in bench.objects if "/claim/" in name]
    name = f"_aimlapi/{run_key_of(finished())}/claim/{max(numbers) + 1:08d}"
    for nano_usd in (10**7, 10**9, 10**18, 2**62):
        for share in ("2", "-1"):
            planted = claim({share: nano_usd}, epoch=99)
            attempt = bench.attempt(changes={name: planted}, max_cost_usd=0.03)
            check(bench, attempt)
            assert attempt.cost_nano_usd <= usual


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
    assert "Remove it" in str(attempt.error)
    assert attempt.prompts == []
