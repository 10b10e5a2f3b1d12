"""Typed answers: what is written of an answer is read back, and by plain readers without a cast."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.answers.faults import Valid
from airflow_provider_aimlapi.core.answers.schema import AnswerSchema, answer_schema
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from tests.fakes.typed_schemas import alike, cases

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.storage.arrow.answer_types import Leaf
    from tests.fakes.typed_schemas import Schema


def outcomes_of(schema: AnswerSchema, values: list[Any]) -> list[Outcome]:
    validator = AnswerValidator(schema)
    texts = [validator.check_answer(json.dumps(value), {}) for value in values]
    assert all(isinstance(text, Valid) for text in texts), texts
    found = [
        Outcome(row=row, status="ok", text=text.text)  # type: ignore[union-attr]
        for row, text in enumerate(texts)
    ]
    return [*found, Outcome(row=len(found), status="invalid", raw="No.", repairs=2)]


def parquet_of(columns: OutcomeColumns, outcomes: list[Outcome]) -> bytes:
    table = pa.Table.from_arrays(
        columns.arrays_of_outcomes(outcomes), schema=pa.schema(columns.arrow_fields())
    )
    table.validate(full=True)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def read_back(columns: OutcomeColumns, data: bytes) -> list[Outcome]:
    leaves: tuple[Leaf, ...] = columns.leaf_columns()
    file = pq.ParquetFile(
        io.BytesIO(data), read_dictionary=[leaf.path for leaf in leaves if leaf.is_text]
    )
    table = file.read_row_group(0, [leaf.path for leaf in leaves])
    return columns.read_outcomes(table, characters_max=1_000_000)


@pytest.mark.parametrize("output_column", ["completion", None])
@given(case=cases())
def test_any_answer_of_any_schema_is_read_back(
    output_column: str | None, case: tuple[Schema, list[Any]]
) -> None:
    schema = answer_schema(case[0])
    columns = OutcomeColumns(output_column, schema.kind)
    outcomes = outcomes_of(schema, case[1])
    data = parquet_of(columns, outcomes)
    assert read_back(columns, data) == outcomes
    stored = pq.read_schema(io.BytesIO(data))
    assert [stored.field(name) for name in columns.column_names] == list(columns.arrow_fields())


@given(case=cases())
def test_the_value_itself_comes_back(case: tuple[Schema, list[Any]]) -> None:
    schema = answer_schema(case[0])
    columns = OutcomeColumns("completion", schema.kind)
    texts = [
        one.text for one in read_back(columns, parquet_of(columns, outcomes_of(schema, case[1])))
    ]
    for text, value in zip(texts, case[1], strict=False):
        validator = AnswerValidator(schema)
        assert validator.check_answer(json.dumps(value), {}) == Valid(text or "")
        assert validator.is_storable(text or "")
        assert alike(json.loads(text or ""), value)


TICKET = answer_schema(
    {
        "type": "object",
        "properties": {
            "topic": {"enum": ["billing", "delivery"]},
            "urgency": {"type": "integer"},
            "refund": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "is_angry": {"type": "boolean"},
            "day": {"type": "string", "format": "date"},
            "at": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "from.to x": {"type": "object", "properties": {"a": {"type": "string"}}},
        },
        "required": ["topic", "urgency"],
    }
)
ANSWER = {
    "topic": "billing",
    "urgency": 3,
    "is_angry": True,
    "day": "2026-01-31",
    "at": "2026-01-31T08:00:00+02:00",
    "tags": ["a", "b"],
    "counts": {"x": 1},
    "from.to x": {"a": "b"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    columns = OutcomeColumns("completion", TICKET.kind)
    path = tmp_path / "part.parquet"
    path.write_bytes(parquet_of(columns, outcomes_of(TICKET, [ANSWER])))
    return path


def test_the_struct_has_one_typed_field_per_property() -> None:
    (field, info) = OutcomeColumns("completion", TICKET.kind).arrow_fields()
    assert (field.name, info.name) == ("completion", "completion_info")
    assert {one.name: str(one.type) for one in field.type} == {
        "topic": "string",
        "urgency": "int64",
        "refund": "double",
        "is_angry": "bool",
        "day": "date32[day]",
        "at": "timestamp[us, tz=UTC]",
        "tags": "list<element: string>",
        "counts": "map<string, int64>",
        "from.to x": "struct<a: string>",
    }


def test_without_a_column_each_property_has_its_own() -> None:
    columns = OutcomeColumns(None, TICKET.kind)
    assert columns.column_names == (*(one.name for one in TICKET.properties), "completion_info")


def test_duckdb_reads_answers_without_a_cast(file: Path) -> None:
    table = duckdb.read_parquet(str(file)).project("completion as c").filter("c is not null")
    (row,) = table.project(
        "c.urgency + 1, c.day + 1, c.tags[1], c.counts['x'], c.\"from.to x\".a, c.at at time zone 'UTC'"
    ).fetchall()
    assert row[:5] == (4, date(2026, 2, 1), "a", 1, "b")
    assert str(row[5]) == "2026-01-31 06:00:00"


def test_pandas_reads_answers_without_a_cast(file: Path) -> None:
    first, second = pd.read_parquet(file)["completion"]
    assert (first["urgency"], first["refund"], list(first["tags"])) == (3, None, ["a", "b"])
    assert first["day"] == date(2026, 1, 31)
    assert second is None


def test_polars_reads_answers_without_a_cast(file: Path) -> None:
    frame = pl.read_parquet(file)
    assert frame["completion"].struct.field("urgency").to_list() == [3, None]
    assert frame["completion"].struct.field("day").dtype == pl.Date
    assert frame["completion"].is_null().to_list() == [False, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [("topic", None), ("urgency", None), ("refund", float("nan")), ("refund", float("inf"))],
)
def test_an_answer_that_no_run_writes_is_refused(name: str, value: object) -> None:
    columns = OutcomeColumns("completion", TICKET.kind)
    outcome = Outcome(row=0, status="ok")
    row = {"topic": "billing", "urgency": 3, name: value}
    completion = pa.array([row], columns.arrow_fields()[0].type)
    table = pa.Table.from_arrays(
        [completion, columns.arrays_of_outcomes([outcome])[1]],
        schema=pa.schema(columns.arrow_fields()),
    )
    with pytest.raises(ValueError, match=r"null|finite"):
        columns.read_outcomes(table, characters_max=1_000)


def test_too_many_characters_are_refused() -> None:
    columns = OutcomeColumns("completion", TICKET.kind)
    outcomes = outcomes_of(TICKET, [ANSWER | {"tags": ["x" * 100]}])
    table = pa.Table.from_arrays(
        columns.arrays_of_outcomes(outcomes), schema=pa.schema(columns.arrow_fields())
    )
    with pytest.raises(ValueError):  # noqa: PT011  # its type says it
        columns.read_outcomes(table, characters_max=50)


@pytest.mark.parametrize("value", [{}, {"a": None}])
def test_an_answer_of_nulls_differs_from_no_answer(value: dict[str, None]) -> None:
    nothing = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = answer_schema({"type": "object", "properties": {"a": nothing}})
    columns = OutcomeColumns(None, schema.kind)
    outcomes = outcomes_of(schema, [value])
    assert outcomes[0].text == '{"a":null}'
    assert read_back(columns, parquet_of(columns, outcomes)) == outcomes
    assert msgspec.structs.replace(outcomes[1], row=0).text is None
