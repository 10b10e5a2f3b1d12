"""Staged parts with typed answers that no run has written are refused before they take memory."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.durable.manifest import tally_of
from airflow_provider_aimlapi.core.durable.plan import Shard
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.parts import part_pages, part_reader
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_reader import part_outcomes, read_staged_part
from tests.attacks.planted_parts import RUN_KEY, planted_part

ROWS = 3
SHARD = Shard(part=2, file=0, first_row=0, rows=ROWS, visible_name="a-00002.parquet")
SCHEMA = answer_schema(
    {
        "type": "object",
        "properties": {
            "topic": {"type": "string"},
            "urgency": {"type": "integer"},
            "day": {"type": "string", "format": "date"},
            "at": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["topic", "tags"],
    }
)
COLUMNS = OutcomeColumns("completion", SCHEMA.kind)
HONEST = '{"topic":"x","urgency":1,"day":"2026-01-31","tags":["a","b"],"counts":{"k":1}}'
OUTCOMES = [Outcome(row=row, status="ok", text=HONEST, attempts=1) for row in range(ROWS)]
TYPE = COLUMNS.fields()[0].type


def planted(completion: pa.Array, **written: Any) -> bytes:
    return planted_part(
        ROWS,
        run_key=RUN_KEY,
        part=2,
        text=completion,
        info=COLUMNS.arrays(OUTCOMES)[1],
        tally=tally_of(OUTCOMES),
        **written,
    )


def read(data: bytes) -> list[Outcome]:
    entry = read_staged_part(
        data,
        run_key=RUN_KEY,
        shard=SHARD,
        staged_name="part-00002",
        outcome_columns=COLUMNS,
    ).entry
    return part_outcomes(data, entry, outcome_columns=COLUMNS)


def rows(**changes: Any) -> list[dict[str, Any]]:
    row = {"topic": "x", "urgency": 1, "tags": ["a"], "counts": [("k", 1)]}
    return [row | changes] * ROWS


def with_type(name: str, kind: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(one.name, kind if one.name == name else one.type) for one in TYPE])


def test_an_honest_part_is_read() -> None:
    assert read(planted(COLUMNS.arrays(OUTCOMES)[0].combine_chunks())) == OUTCOMES


@pytest.mark.parametrize(
    "kind",
    [
        with_type("topic", pa.binary()),
        with_type("topic", pa.large_string()),
        with_type("urgency", pa.int32()),
        with_type("day", pa.int32()),
        with_type("at", pa.timestamp("us")),
        with_type("tags", pa.list_(pa.field("element", pa.int64()))),
        with_type("tags", pa.list_(pa.field("element", pa.string(), nullable=False))),
        with_type("counts", pa.list_(pa.string())),
        pa.struct([field for field in TYPE if field.name != "topic"]),
        pa.struct([*TYPE, pa.field("more", pa.int64())]),
        pa.struct(reversed(list(TYPE))),
        pa.string(),
        pa.int64(),
    ],
    ids=str,
)
def test_a_part_with_other_types_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(JournalUnreadable, match="other outcome columns"):
        read(planted(pa.nulls(ROWS, kind)))


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": None},
        {"tags": None},
        {"tags": ["a", None]},
        {"counts": [("k", None)]},
        {"counts": [("k", 1), ("k", 2)]},
        {"day": 2**31 - 1},
        {"at": 2**62},
    ],
    ids=str,
)
def test_a_part_with_other_values_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(JournalUnreadable, match="cannot be read"):
        read(planted(pa.array(rows(**changes), TYPE)))


def test_a_null_where_an_answer_must_be_is_refused() -> None:
    with pytest.raises(JournalUnreadable, match="cannot be read"):
        read(planted(pa.nulls(ROWS, TYPE)))


def test_too_many_items_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted(pa.array(rows(tags=["a"] * 1_000), TYPE))
    assert read(data)[0].text is not None
    monkeypatch.setattr(part_pages, "REPEATED_VALUES_MAX", 2_999)
    with pytest.raises(JournalUnreadable, match="TooLarge"):
        read(data)


def test_repeated_texts_count_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted(pa.array(rows(tags=["a" * 100] * 1_000), TYPE))
    assert len(pq.read_table(io.BytesIO(data))) == ROWS
    assert len(data) < 20_000
    monkeypatch.setattr(part_reader, "TEXT_CHARACTERS_MAX", 299_999)
    with pytest.raises(JournalUnreadable, match="more than 299,999 characters"):
        read(data)
