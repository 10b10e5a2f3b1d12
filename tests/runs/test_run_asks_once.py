"""Equal requests are paid for once: to the call, to the cent, and whatever becomes of the first of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.engine.blocking import estimate_job, plan_job, run_job
from airflow_provider_aimlapi.engine.durable import collector
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.reuse import recent_answers
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    BudgetExhausted,
    TooManyRejections,
)
from tests.runs.conftest import Workplace, expected, script, texts_table
from tests.runs.typed import ALWAYS, FORMAT, UNTIL_FIRST_REPAIR, spoiled, typed_job

if TYPE_CHECKING:
    from pathlib import Path

USD_A_CREDIT = 500
"""In nano-dollars."""
CALM: dict[str, Any] = {"max_rejected_rows": None}


def bodies_of(ids: list[int]) -> pa.Table:
    """Return rows with the texts of these tickets."""
    texts = texts_table(max(ids) + 1).column("body").to_pylist()
    return pa.table({"id": pa.array(range(len(ids)), pa.int32()), "body": [texts[i] for i in ids]})


def with_duplicates(rows: int) -> list[int]:
    """Return tickets of which three in ten repeat an earlier one, near and far."""
    ids: list[int] = []
    for row in range(rows):
        is_repeated = row % 10 in (3, 6, 9)
        ids.append(ids[row // 2 if row % 10 == 3 else row - 3] if is_repeated else row)
    return ids


def write(place: Workplace, ids: list[int], *, files: int = 1) -> pa.Table:
    """Write rows with these tickets, in some files. Each becomes a part."""
    table = bodies_of(ids)
    each = -(-len(ids) // files)
    for file in range(files):
        place.write(table.slice(file * each, each), f"{file:02d}.parquet")
    return table


def infos(place: Workplace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.result().column("completion_info").to_pylist()
    return found


def billed_nano_usd(place: Workplace) -> int:
    return sum(record.credits for record in place.sim.ledger.billed) * USD_A_CREDIT


def check_answers(place: Workplace, table: pa.Table) -> None:
    """Check that each row has the answer to its own text, and each duplicate the right original."""
    result = place.result()
    assert result.column("body") == table.column("body")
    bodies = table.column("body").to_pylist()
    assert result.column("completion").to_pylist() == [expected(body) for body in bodies]
    check_originals(place)


def check_originals(place: Workplace) -> None:
    rows: dict[str, tuple[str, dict[str, Any]]] = {}
    for part, name in enumerate(place.visible()):
        with place.fs.open(f"{place.output}/{name}", "rb") as file:
            for row, one in enumerate(pq.read_table(file).to_pylist()):
                rows[f"{part}:{row}"] = one["body"], one["completion_info"]
    for body, info in rows.values():
        if info["same_as"] is None:
            continue
        text, original = rows[info["same_as"]]
        assert text == body
        assert (info["attempts"], info["cost_usd"]) == (0, 0)
        assert original["same_as"] is None
        assert original["attempts"] > 0
        assert info["saved_usd"] == original["cost_usd"]
        for field in ("status", "error", "inference_id", "model", "completed_at", "request_hash"):
            assert info[field] == original[field]


def test_three_in_ten_rows_cost_nothing(place: Workplace) -> None:
    ids = with_duplicates(1_000)
    table = write(place, ids, files=5)
    report = place.run()
    assert len(place.paid_prompts()) == len(place.sim.ledger.requests) == len(set(ids)) == 700
    assert report.tally.cost_nano_usd == billed_nano_usd(place)
    assert (report.tally.duplicates, report.tally.rows) == (300, 1_000)
    check_answers(place, table)
    cost = dict(zip(ids, (info["cost_usd"] for info in infos(place)), strict=False))
    first = {ticket: infos(place)[ids.index(ticket)]["cost_usd"] for ticket in set(ids)}
    saved = sum(first[ticket] * (count - 1) for ticket, count in Counter(ids).items())
    assert report.tally.saved_nano_usd == round(saved * 1e9)
    assert len(cost) == 700


def test_each_row_is_paid_for_with_ask_once_off(place: Workplace) -> None:
    ids = with_duplicates(100)
    write(place, ids)
    once = place.run().run_key
    assert len(place.paid_prompts()) == 70
    report = place.run(place.job(ask_once=False))
    assert len(place.paid_prompts()) == 170
    assert (report.run_key == once, report.tally.duplicates) == (False, 0)
    assert {info["same_as"] for info in infos(place)} == {None}


@pytest.mark.parametrize("paid", [1, 60, 200])
def test_stopped_run_pays_for_no_request_twice(place: Workplace, paid: int) -> None:
    """Some parts are durable, and the rows of others are in the journal."""
    ids = with_duplicates(400)
    table = write(place, ids, files=8)
    place.run_until_billed(paid, max_concurrency=4, unflushed_rows_max=2)
    report = place.run()
    assert len(place.paid_prompts()) == len(set(ids)) == 280
    assert report.tally.cost_nano_usd == billed_nano_usd(place)
    assert report.tally.duplicates == 120
    check_answers(place, table)


@pytest.fixture
def few_open_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader waits until earlier rows are decided, as in a long run."""
    monkeypatch.setattr(collector, "OPEN_ROWS_MAX", 4)


@pytest.mark.usefixtures("few_open_rows")
def test_duplicates_far_away_are_sent_again(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tables of ten requests are kept, so that ten to twenty requests are remembered."""
    monkeypatch.setattr(recent_answers, "TABLE_ROWS", 10)
    ids = [*range(40), 39, 38, 30, 31, 0, 1, 2, 3]
    table = write(place, ids, files=24)
    report = place.run(max_concurrency=1)
    assert report.tally.duplicates == 4
    assert len(place.paid_prompts()) == 44
    check_answers(place, table)


@pytest.mark.usefixtures("few_open_rows")
def test_frequent_requests_are_remembered(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_answers, "TABLE_ROWS", 10)
    ids = [0 if row % 5 == 0 else row for row in range(100)]
    table = write(place, ids, files=50)
    place.run(max_concurrency=1)
    assert len(place.paid_prompts()) == 81
    check_answers(place, table)


@pytest.mark.usefixtures("few_open_rows")
def test_missing_disk_costs_only_far_duplicates(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    table = write(place, [0, 0, *range(1, 20), 0], files=11)
    report = place.run(max_concurrency=1)
    assert (report.tally.duplicates, len(place.paid_prompts())) == (1, 21)
    assert "no temporary file" in caplog.text
    check_answers(place, table)


@pytest.mark.parametrize("kind", ["400", "413", "422"])
def test_duplicates_of_a_rejected_row_are_rejected(place: Workplace, kind: str) -> None:
    fault = Fault(kind="raw", status=int(kind), contains="Ticket 1.")
    place.sim.follow(script(faults=(fault,)))
    write(place, [0, 1, 2, 1, 1, 3], files=2)
    report = place.run(**CALM)
    assert (report.tally.rejected, report.tally.ok, report.tally.duplicates) == (3, 3, 0)
    calls = [record for record in place.sim.ledger.requests if record.status >= 400]
    assert len(calls) == (2 if kind == "400" else 1)
    check_originals(place)
    with pytest.raises(TooManyRejections, match="3 rows were rejected"):
        place.run(place.job(output_column="again", reuse_from=None), max_rejected_rows=2)


def test_budget_is_spent_on_originals_only(place: Workplace) -> None:
    ids = [0, 1, 0, 1, 2, 2, 3, 0]
    table = write(place, ids)
    with pytest.raises(BudgetExhausted):
        place.run(max_cost_usd=1e-9, max_concurrency=1)
    paid = len(place.paid_prompts())
    assert paid < 4
    report = place.run()
    assert len(place.paid_prompts()) == 4
    assert report.tally.cost_nano_usd == billed_nano_usd(place)
    check_answers(place, table)


@pytest.mark.parametrize(
    ("until", "statuses"), [(UNTIL_FIRST_REPAIR, {"ok"}), (ALWAYS, {"invalid"})]
)
def test_repair_of_an_original_serves_its_duplicates(
    place: Workplace, until: dict[str, Any], statuses: set[str]
) -> None:
    place.sim.follow(script(faults=(spoiled(1, "typed-wrong-type", until),)))
    write(place, [0, 1, 2, 1, 1], files=2)
    report = place.run(typed_job(place), **CALM)
    assert len(place.paid_prompts()) == 4
    assert report.tally.cost_nano_usd == billed_nano_usd(place)
    assert (report.tally.duplicates, report.tally.repaired) == (2, 1)
    found = infos(place)
    assert {found[row]["status"] for row in (1, 3, 4)} == statuses
    completions = place.result().column("completion").to_pylist()
    assert completions[1] == completions[3] == completions[4]
    check_originals(place)


def test_shares_pay_once_each(place: Workplace) -> None:
    ids = [ticket % 50 for ticket in range(400)]
    table = write(place, ids, files=4)
    job = place.job()
    shares = plan_job(job, Settings(), 4)
    assert shares > 1
    for share in range(shares):
        run_job(job, Settings(), share=share)
    assert len(place.paid_prompts()) == 50 * shares
    report = run_job(job, Settings())
    assert report.tally.duplicates == 400 - 50 * shares
    assert report.tally.cost_nano_usd == billed_nano_usd(place)
    check_answers(place, table)


def test_estimate_counts_duplicates_and_its_sample_serves_them(place: Workplace) -> None:
    ids = with_duplicates(200)
    table = write(place, ids)
    summary = estimate_job(place.job(), Settings(), Inquiry()).summary()
    assert (summary["duplicates"], summary["rows_to_ask"]) == (60, 140)
    assert "For 60 rows, another row makes the same request" in str(summary["words"])
    cost_usd = summary["cost_usd"]
    assert isinstance(cost_usd, float)
    assert summary["saved_usd"] == pytest.approx(cost_usd * 60 / 140, rel=0.01)
    sampled = estimate_job(place.job(), Settings(), Inquiry(sample_rows=20)).summary()
    assert (sampled["sample_rows"], sampled["rows_to_ask"]) == (20, 120)
    place.run()
    assert len(place.paid_prompts()) == 140
    check_answers(place, table)


def test_next_duplicate_is_sent_after_other_refusals(place: Workplace) -> None:
    """A 410 may be about a moment or a path. Each row is sent twice before it is rejected."""
    fault = Fault(kind="raw", status=410, contains="Ticket 1.", times=4)
    place.sim.follow(script(faults=(fault,)))
    write(place, [0, 1, 2, 1, 1, 1, 3])
    report = place.run(**CALM)
    assert (report.tally.rejected, report.tally.ok, report.tally.duplicates) == (2, 5, 1)
    assert [infos(place)[row]["same_as"] for row in (1, 3, 4, 5)] == [None, None, None, "0:4"]


@pytest.mark.usefixtures("few_open_rows")
def test_duplicates_that_fill_all_open_parts_hold_up_nothing(place: Workplace) -> None:
    table = write(place, [1] * 20 + [2, 3], files=11)
    report = place.run()
    assert (report.tally.ok, len(place.paid_prompts())) == (22, 3)
    check_answers(place, table)


@pytest.mark.usefixtures("few_open_rows")
def test_refused_row_is_decided_though_none_can_follow(place: Workplace) -> None:
    """It waits for another row to be answered, and its duplicates take all the room."""
    place.sim.follow(script(faults=(Fault(kind="403", contains="Ticket 1.", times=1),)))
    table = write(place, [0, 0, *[1] * 20, 2, 3], files=12)
    report = place.run()
    assert (report.tally.ok, len(place.paid_prompts())) == (24, 4)
    check_answers(place, table)


@pytest.mark.usefixtures("few_open_rows")
def test_refused_request_ends_a_run_of_duplicates(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="403"),)))
    write(place, [1] * 20, files=10)
    with pytest.raises(AccessRefused):
        place.run()
    assert len(place.sim.ledger.requests) <= 3


@pytest.mark.usefixtures("few_open_rows")
def test_form_is_changed_though_all_rows_are_equal(place: Workplace) -> None:
    """The trial waits for other rows, and there is room for none."""
    place.sim.follow(script(faults=(Fault(kind="400", contains="Ticket 1.", times=2),)))
    write(place, [1] * 20, files=10)
    report = place.run(typed_job(place, FORMAT), **CALM)
    assert (report.tally.ok, len(place.paid_prompts())) == (20, 1)


def test_stop_leaves_waiting_duplicates_for_a_retry(place: Workplace) -> None:
    table = write(place, [0, *[1] * 50, *range(2, 100)])
    place.run_until_billed(1, max_concurrency=1)
    place.run()
    assert len(place.paid_prompts()) == 100
    check_answers(place, table)
