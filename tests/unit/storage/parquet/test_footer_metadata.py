"""What other writers keep in footers stays right beside two more columns."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.parquet.footer_metadata import spark_schema
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from tests.fakes.footers import edited, written

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Struct

ADDED = OutcomeColumns("completion").arrow_fields()
SPARK = "org.apache.spark.sql.parquet.row.metadata"


def opened(folder: Path) -> DataSet:
    return open_data_set(fsspec.filesystem("file"), str(folder))


def parts_of(folder: Path, rows_max: int = 8192) -> list[bytes]:
    data_set = opened(folder)
    return [
        encode_part(
            data_set,
            shard,
            [skipped_outcome("null", row=row) for row in range(shard.rows)],
            outcome_columns=OutcomeColumns("completion"),
            run_key="ab" * 16,
            epoch=1,
        )
        for shard in plan_shards(data_set.files, rows_max=rows_max)
    ]


def metadata_of(part: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = pq.read_schema(io.BytesIO(part)).metadata
    return found


FRAME = pd.DataFrame({"a": range(10), "b": list("abcdefghij")})
INDEXES = {
    "a range": FRAME,
    "a range with steps": FRAME.set_axis(pd.RangeIndex(5, 35, 3)),
    "a range backwards": FRAME.set_axis(pd.RangeIndex(10, 0, -1)),
    "numbers": FRAME.set_axis([n * n for n in range(10)]),
    "a column": FRAME.set_index("a"),
    "two columns": FRAME.set_index(["a", "b"], drop=False).rename_axis(["x", "y"]),
    "times": FRAME.set_axis(pd.date_range("2026-01-01", periods=10, tz="UTC")),
}


@pytest.mark.parametrize("frame", INDEXES.values(), ids=INDEXES.keys())
def test_pandas_finds_each_parts_rows_by_their_index(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_parquet(tmp_path / "b.parquet")
    parts = parts_of(tmp_path, rows_max=4)
    assert len(parts) == 6
    read = [pd.read_parquet(io.BytesIO(part)) for part in parts]
    for file in (read[:3], read[3:]):
        together = pd.concat(file)[list(frame.columns)]
        pd.testing.assert_frame_equal(together, frame, check_freq=False, check_index_type=False)


@pytest.mark.parametrize(
    "labels",
    [[0, 1], [1.5, 2.5], pd.to_datetime(["2026-01-01", "2026-01-02"]), [True, False]],
    ids=["numbers", "floats", "dates", "booleans"],
)
def test_pandas_reads_labels_that_were_no_text(tmp_path: Path, labels: Any) -> None:
    table = pa.Table.from_pandas(FRAME.set_axis(labels, axis=1))
    pq.write_table(table, tmp_path / "a.parquet")
    (part,) = parts_of(tmp_path)
    found = pd.read_parquet(io.BytesIO(part))
    assert list(found.columns) == [*table.column_names, "completion", "completion_info"]
    assert found.iloc[:, 1].tolist() == FRAME["b"].tolist()


def test_pandas_reads_labels_of_two_levels(tmp_path: Path) -> None:
    columns = pd.MultiIndex.from_tuples([("x", "a"), ("x", "b")])
    FRAME.set_axis(columns, axis=1).to_parquet(tmp_path / "a.parquet")
    (part,) = parts_of(tmp_path)
    found = pd.read_parquet(io.BytesIO(part))
    assert list(found.columns)[-2:] == ["completion", "completion_info"]
    assert found.iloc[:, 0].tolist() == FRAME["a"].tolist()


def test_pandas_knows_the_new_columns(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    (part,) = parts_of(tmp_path)
    columns = json.loads(metadata_of(part)[b"pandas"])["columns"]
    assert [one["name"] for one in columns] == [
        *("a", "b", "completion", "completion_info", "completion_info.completed_at")
    ]


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"columns": 1}', '{"columns": []}'])
def test_unparsable_pandas_metadata_is_left_out(tmp_path: Path, broken: str) -> None:
    table = pa.table({"a": [1]}).replace_schema_metadata({"pandas": broken, "note": "kept"})
    pq.write_table(table, tmp_path / "a.parquet")
    (part,) = parts_of(tmp_path)
    assert b"pandas" not in metadata_of(part)
    assert metadata_of(part)[b"note"] == b"kept"


def field(name: str, kind: object = "long", *, nullable: bool = True) -> dict[str, object]:
    return {"name": name, "type": kind, "nullable": nullable, "metadata": {"comment": "kept"}}


def schema(*fields: dict[str, object]) -> bytes:
    return json.dumps({"type": "struct", "fields": fields}).encode()


def test_sparks_schema_gets_the_new_columns() -> None:
    made = spark_schema([schema(field("a", "timestamp"))], ["a"], ADDED)
    assert made is not None
    first, text, info = json.loads(made)["fields"]
    assert first == field("a", "timestamp")
    assert (text["name"], text["type"]) == ("completion", "string")
    kinds = {one["name"]: one["type"] for one in info["type"]["fields"]}
    assert (kinds["status"], kinds["attempts"], kinds["cost_usd"]) == (
        "string",
        "integer",
        "double",
    )
    assert (kinds["prompt_tokens"], kinds["completed_at"]) == ("long", "timestamp")


def test_sparks_schemas_of_several_files_become_one() -> None:
    one, other = schema(field("a", nullable=False)), schema(field("b"), field("a"))
    made = spark_schema([one, None, other, one], ["a", "b"], ())
    assert made == schema(field("a"), field("b"))


@pytest.mark.parametrize(
    "schemas",
    [
        [None],
        [schema(field("a")), schema(field("a", "integer"))],
        [schema(field("other"))],
        [schema(field("a"), field("b"))],
        [b"{"],
        [b"[]"],
        [b'{"fields": [1]}'],
        [b'{"fields": null}'],
    ],
)
def test_schema_of_spark_that_does_not_follow_is_none(schemas: list[bytes | None]) -> None:
    assert spark_schema(schemas, ["a"], ADDED) is None


def test_what_is_left_out_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = {"parquet.avro.schema": "{}", "geo": "{}", "org.apache.spark.legacyINT96": ""}
    table = pa.table({"a": [1]}).replace_schema_metadata(keys)
    pq.write_table(table, tmp_path / "a.parquet")
    opened(tmp_path).warn_of_losses()
    assert "parquet.avro.schema" in caplog.text
    assert "1582-10-15" in caplog.text
    assert "geo" not in caplog.text
    (part,) = parts_of(tmp_path)
    assert b"parquet.avro.schema" not in metadata_of(part)
    assert metadata_of(part)[b"geo"] == b"{}"
    assert b"org.apache.spark.legacyINT96" in metadata_of(part)


def test_spark_schema_that_does_not_follow_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, kind in (("a", "long"), ("b", "integer")):
        metadata = {SPARK: schema(field("n", kind)).decode()}
        table = pa.table({"n": [1]}).replace_schema_metadata(metadata)
        pq.write_table(table, tmp_path / f"{name}.parquet")
    opened(tmp_path).warn_of_losses()
    assert "TIMESTAMP_NTZ" in caplog.text


def test_notes_on_pieces_of_columns_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def note(fields: Struct) -> None:
        chunk = fields[4][1][1][0][1][1][1][1][3][1]
        chunk[8] = (9, (12, [{1: (8, b"key"), 2: (8, b"value")}]))
        ordered = dict(sorted(chunk.items()))
        chunk.clear()
        chunk.update(ordered)

    (tmp_path / "a.parquet").write_bytes(edited(written(pa.table({"a": [1], "b": [2]})), note))
    opened(tmp_path).warn_of_losses()
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith("columns: b.")


def test_files_without_such_things_warn_of_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    opened(tmp_path).warn_of_losses()
    assert caplog.records == []
