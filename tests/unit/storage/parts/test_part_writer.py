"""A part holds the input's columns untouched, then what became of each row."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from msgspec.structs import replace
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import Outcome, skipped_outcome
from airflow_provider_aimlapi.core.durable.manifest import tally_of
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.input.dataset import DataSet, open_data_set
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import footer_bytes
from airflow_provider_aimlapi.storage.parts.part_reader import read_staged_part
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from tests.fakes.outcomes import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN_KEY = "0123456789abcdef" * 2


def opened(folder: Path, table: pa.Table, **options: object) -> DataSet:
    pq.write_table(table, folder / "a.parquet", **options)
    return open_data_set(fsspec.filesystem("file"), str(folder))


def encoded(data_set: DataSet, outcomes: Sequence[Outcome], part: int = 0) -> bytes:
    shard = plan_shards(data_set.files)[part]
    return encode_part(
        data_set,
        shard,
        outcomes,
        outcome_columns=OutcomeColumns("completion"),
        run_key=RUN_KEY,
        epoch=7,
    )


def skips(rows: int) -> list[Outcome]:
    return [skipped_outcome("null", row=row) for row in range(rows)]


def test_outcome_stands_in_two_columns_after_the_inputs_own(tmp_path: Path) -> None:
    data_set = opened(tmp_path, pa.table({"b": ["x", None], "a": [1, 2]}))
    part = pq.read_table(io.BytesIO(encoded(data_set, [skipped_outcome("null in b", row=1), FULL])))
    assert part.column_names == ["b", "a", "completion", "completion_info"]
    assert part.column("completion").to_pylist() == [FULL.text, None]
    assert [str(field.type) for field in part.schema.field("completion_info").type] == [
        *["string"] * 4,
        *["int64"] * 3,
        "double",
        "int32",
        *["string"] * 2,
        "timestamp[us, tz=UTC]",
        *["int64"] * 2,
        "string",
        "int32",
        "string",
        *["double", "string"],
    ]
    first, second = part.column("completion_info").to_pylist()
    assert first == {
        "status": "truncated",
        "error": "max_tokens cut it",
        "finish_reason": "length",
        "model": "claude-sonnet-4.6",
        "prompt_tokens": 11,
        "completion_tokens": 22,
        "cached_tokens": 3,
        "cost_usd": 0.001234567,
        "attempts": 2,
        "inference_id": "inf-1",
        "request_hash": "ab" * 32,
        "completed_at": datetime(2026, 1, 1, 0, 0, 0, 1, UTC),
        "reasoning_tokens": 9,
        "cache_write_tokens": 5,
        "raw": "No JSON.",
        "repairs": 1,
        "reused_from": None,
        "saved_usd": None,
        "same_as": None,
    }
    assert second == dict.fromkeys(first) | {
        "status": "skipped",
        "error": "null in b",
        "attempts": 0,
        "repairs": 0,
    }


def test_metadata_stays_unless_its_schema_hides_columns(tmp_path: Path) -> None:
    schema = pa.schema(
        [pa.field("n", pa.int64(), nullable=False, metadata={"unit": "ms"})],
        metadata={
            "note": "kept",
            "org.apache.spark.sql.parquet.row.metadata": '{"type":"struct","fields":[]}',
            "aimlapi.run_key": "of an earlier run",
        },
    )
    data_set = opened(tmp_path, pa.table({"n": [1]}, schema=schema))
    data = encoded(data_set, skips(1))
    part = pq.read_schema(io.BytesIO(data))
    assert part.field("n").metadata[b"unit"] == b"ms"
    assert not part.field("n").nullable
    assert part.metadata[b"note"] == b"kept"
    assert b"org.apache.spark.sql.parquet.row.metadata" not in part.metadata
    assert pq.read_metadata(io.BytesIO(data)).metadata[b"aimlapi.run_key"] == RUN_KEY.encode()


def test_field_ids_stay(tmp_path: Path) -> None:
    field = pa.field("n", pa.int64(), metadata={"PARQUET:field_id": "42"})
    data_set = opened(tmp_path, pa.table({"n": [1]}, schema=pa.schema([field])))
    part = pq.read_schema(io.BytesIO(encoded(data_set, skips(1))))
    assert part.field("n").metadata[b"PARQUET:field_id"] == b"42"


def test_pandas_reads_its_own_index_and_types_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["a", "b"]), "at": pd.to_datetime(["2026-01-01", None], utc=True)},
        index=pd.Index(["r1", "r2"], name="key"),
    )
    data_set = opened(tmp_path, pa.Table.from_pandas(frame))
    found = pd.read_parquet(io.BytesIO(encoded(data_set, skips(2))))
    pd.testing.assert_frame_equal(found[["kind", "at"]], frame)


def test_a_shard_without_rows_keeps_its_schema(tmp_path: Path) -> None:
    data_set = opened(tmp_path, pa.table({"n": pa.array([], pa.int8())}))
    part = pq.read_table(io.BytesIO(encoded(data_set, [])))
    assert part.num_rows == 0
    assert part.schema.field("n").type == pa.int8()


def test_half_surrogate_pair_does_not_lose_a_paid_row(tmp_path: Path) -> None:
    data_set = opened(tmp_path, pa.table({"n": [1]}))
    part = encoded(data_set, [Outcome(row=0, status="ok", text="a\ud83d b\U0001f40d")])
    column = pq.read_table(io.BytesIO(part)).column("completion")
    assert column.to_pylist() == ["a\ufffd b\U0001f40d"]


@pytest.mark.parametrize(
    "rows", [[], [0], [0, 0], [0, 2], [1, 2], [0, 1, 1], [0, 1, 2], [-1, 0, 1]]
)
def test_outcomes_must_be_one_per_row(tmp_path: Path, rows: list[int]) -> None:
    data_set = opened(tmp_path, pa.table({"n": [1, 2]}))
    with pytest.raises(ValueError, match="not one for each"):
        encoded(data_set, [skipped_outcome("null", row=row) for row in rows])


def test_a_part_describes_itself(tmp_path: Path) -> None:
    data_set = opened(tmp_path, pa.table({"n": [1, 2]}))
    (shard,) = plan_shards(data_set.files)
    outcomes = [FULL, skipped_outcome("null", row=1)]
    data = encoded(data_set, outcomes)
    body = data[: -footer_bytes(data)]
    found = read_staged_part(
        data[-footer_bytes(data) :],
        run_key=RUN_KEY,
        shard=shard,
        staged_name="staged",
        outcome_columns=OutcomeColumns("completion"),
    )
    assert found.epoch == 7
    assert (found.entry.sha256, found.entry.size_bytes) == (sha256(body).hexdigest(), len(data))
    assert found.entry.tally == tally_of(outcomes)
    assert found.entry.tally.cost_nano_usd == FULL.cost_nano_usd
    assert pq.read_metadata(io.BytesIO(data)).metadata[b"aimlapi.epoch"] == b"7"


def test_staged_part_under_a_wrong_name_is_found(tmp_path: Path) -> None:
    data_set = opened(tmp_path, pa.table({"n": [1]}))
    (shard,) = plan_shards(data_set.files)
    data = encoded(data_set, skips(1))
    plain = (tmp_path / "a.parquet").read_bytes()
    for content, run_key, part in (
        (data, "f" * 32, 0),
        (data, RUN_KEY, 1),
        (data[:-20], RUN_KEY, 0),
        (b"", RUN_KEY, 0),
        (plain, RUN_KEY, 0),
    ):
        with pytest.raises(JournalUnreadable, match="the staged name"):
            read_staged_part(
                content,
                run_key=run_key,
                shard=replace(shard, part=part),
                staged_name="the staged name",
                outcome_columns=OutcomeColumns("completion"),
            )
