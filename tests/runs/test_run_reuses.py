"""A run pays for what no earlier run has answered, to the row, and its output is the same."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.engine.blocking import estimate_job, plan_job, run_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from tests.fakes.prepared_run import PreparedRun, ScriptedApi
from tests.fakes.virtual_loop import run_virtual
from tests.runs.conftest import Workplace, expected, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import Job

ROWS = 500


def with_changes(changed: range) -> pa.Table:
    """Return the usual rows, of which some have another text."""
    table = texts_table(ROWS)
    bodies = table.column("body").to_pylist()
    for row in changed:
        bodies[row] = f"Changed ticket {row}."
    return table.set_column(1, "body", pa.array(bodies))


def bills_of(place: Workplace, job: Job, **options: Any) -> int:
    """Run a job, and return the number of calls that were billed for it."""
    before = len(place.paid_prompts())
    place.run(job, **options)
    return len(place.paid_prompts()) - before


def infos(place: Workplace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.result().column("completion_info").to_pylist()
    return found


def check_answers(place: Workplace, table: pa.Table) -> None:
    """Check that each row has the answer to its own text."""
    result = place.result()
    assert result.column("body") == table.column("body")
    bodies = table.column("body").to_pylist()
    assert result.column("completion").to_pylist() == [expected(body) for body in bodies]


@pytest.mark.parametrize(
    ("table", "bills"),
    [
        (texts_table(ROWS + 1), 1),
        (with_changes(range(100, 110)), 10),
        (with_changes(range(0, ROWS, 50)), 10),
        (texts_table(ROWS - 1, start=1), 0),
        (texts_table(ROWS, start=-1), 1),
    ],
    ids=["one more", "ten changed", "2% changed", "one fewer", "one before"],
)
def test_changed_rows_alone_are_paid_for(place: Workplace, table: pa.Table, bills: int) -> None:
    place.write(texts_table(ROWS), row_group_size=200)
    place.run()
    first_key = infos(place)[0]
    assert first_key["reused_from"] is None
    place.write(table, row_group_size=200)
    report = place.run(place.job(reuse_from=()))
    assert len(place.paid_prompts()) == ROWS + bills
    assert (report.tally.reused_answers, report.tally.rows) == (
        table.num_rows - bills,
        table.num_rows,
    )
    billed = sum(record.credits * 500 for record in place.sim.ledger.billed[ROWS:])
    assert report.tally.cost_nano_usd == billed
    check_answers(place, table)
    for info in infos(place):
        is_reused = info["reused_from"] is not None
        assert (info["attempts"], info["cost_usd"] == 0) == (not is_reused, is_reused)


def test_missing_run_is_logged_for_another_output_only(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.write(texts_table(3))
    nothing = OpenLocation(fs=place.fs, path=f"{place.output}-of-nothing")
    with caplog.at_level("INFO"):
        place.run(place.job(reuse_from=(nothing,)))
    told = [line for line in caplog.messages if "holds no published run" in line]
    assert len(told) == 1
    assert "-of-nothing" in told[0]


def test_same_files_elsewhere_cost_nothing(place: Workplace) -> None:
    place.write(texts_table(ROWS))
    place.run()
    there = OpenLocation(fs=place.fs, path=place.output)
    later = replace(place, input=f"{place.input}-later", output=f"{place.output}-later")
    later.write(texts_table(ROWS - 100), "b.parquet")
    later.write(texts_table(101, start=ROWS - 100), "c.parquet")
    assert bills_of(later, later.job(reuse_from=(there,), output_column="completion")) == 1
    check_answers(later, texts_table(ROWS + 1))


def test_answer_keeps_naming_the_run_that_paid(place: Workplace) -> None:
    place.write(texts_table(20))
    payer = place.run().run_key
    place.write(texts_table(21))
    second = place.run(place.job(reuse_from=())).run_key
    place.write(texts_table(22))
    third = place.run(place.job(reuse_from=()))
    payers = [info["reused_from"] for info in infos(place)]
    assert payers == [payer] * 20 + [second, None]
    bills = [record.credits * 500 for record in place.sim.ledger.billed]
    assert (third.tally.saved_nano_usd, third.tally.cost_nano_usd) == (sum(bills[:21]), bills[21])


@pytest.mark.parametrize(
    ("changes", "bills"),
    [
        ({"reuse_from": None}, ROWS),
        ({"prompt": "Translate:\n\n{body}"}, ROWS),
        ({"system": "Be brief."}, ROWS),
        ({"output_column": "completion"}, 0),
    ],
)
def test_only_equal_requests_are_reused(
    place: Workplace, changes: dict[str, Any], bills: int
) -> None:
    place.write(texts_table(ROWS))
    place.run(place.job(limit_rows=ROWS))
    job = place.job(**({"reuse_from": ()} | changes))
    assert bills_of(place, job, check_arrival=False) == bills


def test_trial_of_the_first_rows_is_not_paid_again(place: Workplace) -> None:
    place.write(texts_table(100))
    place.run(place.job(limit_rows=30))
    assert bills_of(place, place.job(reuse_from=())) == 70


def test_budget_pays_for_new_rows_only(place: Workplace) -> None:
    place.write(texts_table(100))
    each = place.run().tally.cost_nano_usd / 100
    place.write(texts_table(103))
    report = place.run(place.job(reuse_from=()), max_cost_usd=40 * each / 1e9, max_concurrency=1)
    assert report.tally.reused_answers == 100
    assert 0 < report.tally.cost_nano_usd < 5 * each


def test_stopped_run_goes_on_with_the_same_answers(place: Workplace) -> None:
    place.write(texts_table(ROWS))
    place.run()
    table = with_changes(range(0, ROWS, 5))
    place.write(table)
    job = place.job(reuse_from=())
    place.run_until_billed(ROWS + 30, job=job, max_concurrency=2, unflushed_rows_max=2)
    report = place.run(job)
    assert len(set(place.paid_prompts())) == len(place.paid_prompts()) == ROWS + ROWS // 5
    assert report.tally.reused_answers == ROWS - ROWS // 5
    check_answers(place, table)


def test_shares_reuse_answers_too(place: Workplace) -> None:
    for name in ("a", "b", "c", "d"):
        place.write(texts_table(300, start=300 * ord(name)), f"{name}.parquet")
    place.run()
    for name in ("a", "b", "c", "d"):
        place.write(texts_table(301, start=300 * ord(name)), f"{name}.parquet")
    job = place.job(reuse_from=())
    shares = plan_job(job, Settings(), 4)
    assert shares > 1
    before = len(place.paid_prompts())
    for share in range(shares):
        run_job(job, Settings(), share=share)
    report = run_job(job, Settings())
    assert report.tally.reused_answers + len(place.paid_prompts()) - before == 4 * 301
    # The row that a file has more is the first row of the next file, but for the last file.
    assert len(place.paid_prompts()) - before == 1


def test_estimate_counts_reusable_rows_and_writes_nothing(place: Workplace) -> None:
    place.write(texts_table(100))
    paid = place.run().tally.cost_nano_usd
    place.write(with_changes(range(10)).slice(0, 100))
    before = place.fs.find(place.output)
    job = place.job(reuse_from=())
    summary = estimate_job(job, Settings(), Inquiry()).summary()
    assert (summary["reused_answers"], summary["rows_to_ask"]) == (90, 10)
    assert summary["saved_usd"] == pytest.approx(0.9 * paid / 1e9, rel=0.1)
    assert "Earlier runs have answers to 90 rows" in str(summary["words"])
    assert place.fs.find(place.output) == before
    sampled = estimate_job(job, Settings(), Inquiry(sample_rows=5)).summary()
    assert (sampled["sample_rows"], sampled["rows_to_ask"]) == (5, 5)
    assert place.run(job).tally.reused_answers == 90
    assert len(place.paid_prompts()) == 110


class Model(ScriptedApi):
    """Answers each request in its own way.

    Attributes:
        answered: the prompts that were not rejected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answered: list[str] = []

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        del client_request_id
        await asyncio.sleep(1.0)
        prompt = json.loads(body)["messages"][0]["content"]
        self.answered += [prompt] if "bad" not in prompt else []
        choice = {"message": {"content": prompt[::-1]}, "finish_reason": "stop"}
        return Answer(
            status=400 if "bad" in prompt else 200,
            content_type="application/json",
            body=json.dumps({"choices": [choice]}).encode(),
            usd_spent="0.000000100",
        )


def outcome_of(texts: list[str | None], **options: Any) -> tuple[PreparedRun, Model, pa.Table]:
    """Run a job over these texts; return its input's and its own columns."""
    one, api = PreparedRun(texts, **options), Model()
    run_virtual(run(one.job, Settings(max_rejected_rows=None), one.world(api)))
    table = pq.read_table(pa.BufferReader(one.store.objects["a-00000.parquet"]))
    return one, api, table


TEXTS = st.lists(
    st.none() | st.sampled_from(["a", "b", "bad", "c"]) | st.text(max_size=3),
    min_size=1,
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(before=TEXTS, now=TEXTS)
def test_output_is_the_same_with_and_without_reuse(before, now):
    first, _, _ = outcome_of(before)
    _, api, reused = outcome_of(
        now, store=first.store, changes={"reuse_from": (), "limit_rows": 99}
    )
    _, fresh, paid = outcome_of(now)
    assert reused.column("body") == paid.column("body")
    assert reused.column("completion") == paid.column("completion")
    for field in ("status", "request_hash", "finish_reason", "error"):
        mine, theirs = (
            [info[field] for info in table.column("completion_info").to_pylist()]
            for table in (reused, paid)
        )
        assert mine == theirs
    # Equal rows are sent once, and those that an earlier run has answered never.
    wanted = {one for one in now if one is not None and "bad" not in one}
    assert len(api.answered) == len(wanted - set(before))
    assert len(fresh.answered) == len(wanted)
