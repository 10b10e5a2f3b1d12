"""Typed answers in Airflow: each way to write a schema, and what is refused when the DAG is parsed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from pydantic import BaseModel

from aimlapi_simulator.faults.script import Fault, Script
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.argument_sets.schema_argument import read_schema
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.airflow
DAY = datetime(2026, 1, 2, tzinfo=UTC)
TEXTS: list[Any] = ["Where is my parcel?", "You billed me twice.", None]


def rows_of(lake: Any, folder: str) -> list[dict[str, Any]]:
    return [
        row
        for name in lake.names(folder)
        if name.endswith(".parquet") and "/_aimlapi/" not in name
        for row in lake.table_of(name).to_pylist()
    ]


@pytest.fixture
def typed_lake(lake: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIMLAPI_TEST_INPUT", lake.url("in"))
    monkeypatch.setenv("AIMLAPI_TEST_OUTPUT", lake.url("out"))
    lake.put("in/a.parquet", {"text": TEXTS})
    return lake


def test_each_way_to_write_a_schema_gives_typed_columns(
    api: Any, typed_lake: Any, run_tasks: Callable[..., Any]
) -> None:
    run = run_tasks("tests", "typed_tasks", DAY)
    assert set(map(tuple, run.states.values())) == {("success",)}, run.output
    columns = rows_of(typed_lake, "out/class")
    assert list(columns[0]) == ["text", "topic", "urgency", "completion_info"]
    assert {type(row["urgency"]) for row in columns[:2]} == {int}
    assert columns[2]["urgency"] is None
    assert columns[2]["completion_info"]["status"] == "skipped"
    days = [row["completion"] for row in rows_of(typed_lake, "out/mapping")]
    assert [day and day["day"] for day in days] == ["2026-01-02", "2026-01-02", None]
    quotes = [row["completion"] for row in rows_of(typed_lake, "out/file")[:2]]
    assert all(quote["quote"] in text for quote, text in zip(quotes, TEXTS[:2], strict=True))
    for folder in ("out/mapped", "out/decorated"):
        assert [row["completion"] is None for row in rows_of(typed_lake, folder)] == [
            False,
            False,
            True,
        ]


def test_every_kind_of_task_reads_a_schema_file(
    api: Any, typed_lake: Any, run_tasks: Callable[..., Any]
) -> None:
    run = run_tasks("tests", "typed_forms", DAY)
    assert {state for states in run.states.values() for state in states} == {"success"}, run.output
    for folder in ("out/group", "out/decorated"):
        (first, *_) = rows_of(typed_lake, folder)
        assert list(first) == ["text", "topic", "quote", "completion_info"]
        assert first["quote"] in first["text"]
    for folder in ("out/mapped", "out/expanded_file"):
        assert list(rows_of(typed_lake, folder)[0]["completion"]) == ["topic", "quote"]
    for folder in ("out/text", "out/expanded_text"):
        (first, *_) = rows_of(typed_lake, folder)
        assert first["completion"]["topic"] == "2026-01-02"


def test_tickets_are_triaged_and_loaded_without_a_cast(
    api: Any,
    lake: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_tasks: Callable[..., Any],
) -> None:
    warehouse = str(tmp_path / "warehouse.duckdb")
    monkeypatch.setenv("AIMLAPI_EXAMPLE_WAREHOUSE", warehouse)
    monkeypatch.setenv("AIMLAPI_EXAMPLE_LAKE", lake.url("lake"))
    with duckdb.connect(warehouse) as opened:
        opened.execute(
            "CREATE TABLE triaged_tickets (day DATE, id BIGINT, quote TEXT, topic TEXT, "
            "urgency BIGINT, refund_usd DOUBLE)"
        )
    bodies = [
        *("The printer broke after a day.", "The parcel came too late!", "I was billed twice?"),
        *(None, *(f"The parcel is late by {n} days." for n in range(9))),
    ]
    lake.put(
        "lake/tickets/ds=2026-01-02/a.parquet", {"id": list(range(len(bodies))), "body": bodies}
    )
    never = Fault(kind="typed-wrong-type", contains="came too late!")
    once = Fault(kind="typed-cut", contains="billed twice?", times=1)
    api.follow(Script(faults=(never, once)))
    run = run_tasks("examples", "triage_tickets", DAY)
    assert run.states == {"triage": ["success"], "load": ["success"]}, run.output
    (summary,) = run.xcoms["triage", "return_value"]
    assert {name: summary[name] for name in ("ok", "invalid", "skipped", "repaired")} == {
        "ok": 11,
        "invalid": 1,
        "skipped": 1,
        "repaired": 2,
    }
    assert summary["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert "11 ok, 1 invalid, 1 skipped, 2 repaired" in run.output
    with duckdb.connect(warehouse) as opened:
        loaded = opened.execute("SELECT * FROM triaged_tickets ORDER BY id").fetchall()
    assert [row[1] for row in loaded] == [0, 2, *range(4, 13)]
    for day, number, quote, topic, urgency, _ in loaded:
        assert str(day) == "2026-01-02"
        assert quote in str(bodies[number])
        assert topic in {"billing", "delivery", "quality", "other"}
        assert 1 <= urgency <= 5


class Union(BaseModel):
    a: int | str


NUMBER: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
NO_TYPE: dict[str, Any] = {"type": "object", "properties": {"a": {}}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"output_schema": Union}, r"\$\.a can be integer or string"),
        ({"output_schema": NO_TYPE}, r"\$\.a allows values of any type"),
        ({"output_schema": 5}, "is of type int"),
        ({"output_schema": int}, "output_schema=int is no Pydantic class"),
        ({"output_column": None}, "output_column=None needs output_schema"),
        ({"repairs": 4}, "repairs=4"),
        ({"examples": [({"text": "a"}, {"n": 1})]}, r"examples\[0\]: the answer must be a text"),
        (
            {"examples": [({"text": "a"}, {"n": "1"})], "output_schema": NUMBER},
            r"examples\[0\]: the answer does not follow output_schema\. \$\.n: \"1\" is not of type",
        ),
        ({"repairs": "some"}, "give a whole number"),
    ],
)
def test_a_wrong_schema_is_refused_at_parse_time(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        ClaudeCompletionOperator(
            task_id="x", input_path="/in", output_path="/out", prompt="{text}", **arguments
        )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '{"type": "object", "properties": {"n": 1}, "properties": {}}',
            '"properties" comes twice',
        ),
        ('{"type": "object",}', "is not JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_a_text_that_is_no_schema_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        read_schema(text, None)


def test_a_missing_file_is_named(run_task: Callable[..., Any], typed_lake: Any, api: Any) -> None:
    run = run_task(
        input_path=typed_lake.url("in"),
        output_path=typed_lake.url("out"),
        prompt="{text}",
        output_schema="missing.json",
    )
    assert run.state == "failed"
    assert "output_schema='missing.json' is no schema" in run.output
    assert api.paid_calls == 0
