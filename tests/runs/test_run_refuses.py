"""Bad input: an error before any call, in words that name the fix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec, StoreUnsafe
from tests.runs.conftest import MODEL, Workplace, texts_table

if TYPE_CHECKING:
    from pathlib import Path


def check_refused(place: Workplace, kind: type[Exception], words: str, **changes: Any) -> None:
    """The run ends with these words, and no call was made."""
    with pytest.raises(kind, match=words):
        place.run(place.job(**changes))
    assert place.sim.ledger.requests == []


def test_an_unknown_column_names_the_nearest(place: Workplace) -> None:
    place.write(texts_table(3))
    check_refused(
        place, InvalidSpec, r"no column 'boddy'. Did you mean \{body\}", prompt="Say {boddy}"
    )
    check_refused(place, InvalidSpec, r"system uses \{ID2\}", system="You are {ID2}")


def test_prompt_without_column_is_refused_for_many_rows(place: Workplace) -> None:
    place.write(texts_table(3))
    check_refused(place, InvalidSpec, r"constant_prompt=True.* all 3 rows ", prompt="Say hello")
    check_refused(place, InvalidSpec, r"constant_prompt=True.* all 3 rows ", prompt=r"\d{4} {}")


def test_prompt_without_column_is_sent_when_asked_for(place: Workplace) -> None:
    place.write(texts_table(3))
    assert place.run(place.job(prompt="Say hello", constant_prompt=True)).tally.ok == 3


def test_prompt_without_column_is_sent_for_one_row(place: Workplace) -> None:
    place.write(texts_table(3))
    assert place.run(place.job(prompt="Say hello", limit_rows=1)).tally.ok == 1


def test_column_of_the_system_prompt_is_enough(place: Workplace) -> None:
    place.write(texts_table(3))
    assert place.run(place.job(prompt="Say hello", system="To {body}")).tally.ok == 3


def test_column_written_otherwise_is_refused(place: Workplace) -> None:
    place.write(texts_table(3))
    check_refused(place, InvalidSpec, r"Write \{body\} for", prompt='{"a": 1} {body} { body }')
    check_refused(place, InvalidSpec, r"Write \{body\} for", prompt="{body}", system="{body!r}")


def test_braces_that_are_like_a_column_are_warned_of(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.write(texts_table(3))
    assert place.run(place.job(prompt='{"a": 1} {body} {the body}')).tally.ok == 3
    warnings = [r.getMessage() for r in caplog.records if "as it is" in r.getMessage()]
    assert warnings == ["{the body} is sent to the API as it is. Did you mean {body}?"]


def test_an_empty_prompt(place: Workplace) -> None:
    with pytest.raises(InvalidSpec, match="prompt is empty"):
        place.job(prompt="  ")


def test_no_file_at_all(place: Workplace) -> None:
    place.fs.makedirs(place.input)
    check_refused(place, InputUnreadable, place.input)


def test_a_glob_that_matches_nothing(place: Workplace) -> None:
    place.write(texts_table(1))
    nowhere = OpenLocation(fs=place.fs, path=f"{place.input}/b*.parquet")
    check_refused(place, InputUnreadable, r"b\*\.parquet", input=nowhere)


def test_a_file_of_no_bytes(place: Workplace) -> None:
    place.write(texts_table(1), "good.parquet")
    place.fs.pipe_file(f"{place.input}/empty.parquet", b"")
    check_refused(place, InputUnreadable, "empty.parquet")


def test_a_corrupt_footer(place: Workplace) -> None:
    place.write(texts_table(50))
    data = place.fs.cat_file(f"{place.input}/a.parquet")
    place.fs.pipe_file(f"{place.input}/a.parquet", data[:-40] + b"\xff" * 32 + data[-8:])
    check_refused(place, InputUnreadable, "a.parquet")


def test_corrupt_page_names_the_file_and_keeps_the_rest(place: Workplace) -> None:
    place.write(texts_table(50), "a.parquet", compression="zstd")
    place.write(texts_table(500, 50), "b.parquet", compression="zstd")
    data = bytearray(place.fs.cat_file(f"{place.input}/b.parquet"))
    data[40 : len(data) // 2] = b"\xaa" * (len(data) // 2 - 40)
    place.fs.pipe_file(f"{place.input}/b.parquet", bytes(data))
    with pytest.raises(InputUnreadable, match=r"b\.parquet"):
        place.run()
    assert place.visible() == []


@pytest.mark.parametrize("column", ["id", "note", "body"])
def test_damaged_column_is_found_before_its_shard_is_paid(place: Workplace, column: str) -> None:
    rows = 3000
    names = ["id", "body", "note"]
    table = pa.table({name: [f"{name} of row {row}" for row in range(rows)] for name in names})
    place.write(table, "b.parquet", compression="zstd", use_dictionary=False)
    damage(place, "b.parquet", names.index(column))
    check_refused(place, InputUnreadable, r"b\.parquet")


def damage(place: Workplace, name: str, column: int) -> None:
    """Damage the last bytes of a column's pages."""
    path = f"{place.input}/{name}"
    data = bytearray(place.fs.cat_file(path))
    chunk = pq.read_metadata(pa.BufferReader(bytes(data))).row_group(0).column(column)
    end = chunk.data_page_offset + chunk.total_compressed_size
    data[end - 400 : end - 300] = b"\xaa" * 100
    place.fs.pipe_file(path, bytes(data))


def test_schemas_that_cannot_be_brought_together(place: Workplace) -> None:
    place.write(pa.table({"body": ["a"], "price": pa.array([1], pa.int64())}), "a.parquet")
    place.write(pa.table({"body": ["b"], "price": ["cheap"]}), "b.parquet")
    check_refused(place, InputUnreadable, r"price.*b\.parquet")


def test_schemas_that_can_be_brought_together(place: Workplace) -> None:
    place.write(pa.table({"body": ["a"], "n": pa.array([1], pa.int16())}), "a.parquet")
    place.write(pa.table({"body": ["b"], "n": pa.array([2], pa.int64())}), "b.parquet")
    place.write(pa.table({"body": ["c"]}), "c.parquet")
    place.run()
    assert place.result()["n"].to_pylist() == [1, 2, None]
    assert place.result().schema.field("n").type == pa.int64()


def test_a_binary_column(place: Workplace) -> None:
    place.write(pa.table({"body": [b"\x00\x01"]}))
    check_refused(place, InvalidSpec, "(?s)'?body'?.*binary")


@pytest.mark.parametrize("column", ["completion", "completion_info"])
def test_a_column_that_stands_there_already(place: Workplace, column: str) -> None:
    place.write(pa.table({"body": ["a"], column: ["b"]}))
    check_refused(place, InvalidSpec, "output_column")


def test_another_output_column_makes_room(place: Workplace) -> None:
    place.write(pa.table({"body": ["a"], "completion": ["b"]}))
    place.run(place.job(output_column="summary"))
    names = place.result().column_names
    assert names == ["body", "completion", "summary", "summary_info"]


@pytest.mark.parametrize("inside", ["", "/", "/deeper/down"])
def test_an_output_in_the_input(place: Workplace, inside: str) -> None:
    place.write(texts_table(3))
    output = OpenLocation(fs=place.fs, path=place.input + inside)
    check_refused(place, InvalidSpec, "output_path", output=output)


def test_a_file_that_is_not_ours_at_the_output(place: Workplace) -> None:
    place.write(texts_table(3))
    place.fs.makedirs(place.output)
    place.fs.pipe_file(f"{place.output}/a-00000.parquet", b"somebody else's")
    check_refused(place, InvalidSpec, "a-00000.parquet")
    assert place.fs.cat_file(f"{place.output}/a-00000.parquet") == b"somebody else's"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"temperature": 2}, "temperature=2"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"max_tokens": 1000, "thinking": {"type": "enabled", "budget_tokens": 1024}}, "below"),
    ],
)
def test_parameters_that_the_model_does_not_take(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        CompletionSpec(model=MODEL, **parameters)


def test_a_store_that_may_not_be_written(place: Workplace) -> None:
    place.write(texts_table(3))
    nowhere = OpenLocation(fs=place.fs, path="/proc/aimlapi-output")
    check_refused(place, StoreUnsafe, "/proc/aimlapi-output", output=nowhere)
    assert not os.path.exists("/proc/aimlapi-output")  # noqa: PTH110


def test_invalid_utf_8_rejects_its_row_alone(place: Workplace, tmp_path: Path) -> None:
    cells = pa.array([b"fine", b"\xff\xfe", *[b"fine"] * 20], pa.binary())
    array = pa.Array.from_buffers(pa.string(), len(cells), cells.buffers())
    place.write(pa.table({"body": array}))
    report = place.run()
    assert (report.tally.ok, report.tally.rejected) == (21, 1)
    info = place.result()["completion_info"].to_pylist()[1]
    assert "UTF-8" in info["error"]
    assert info["attempts"] == 0
    assert tmp_path.exists()
