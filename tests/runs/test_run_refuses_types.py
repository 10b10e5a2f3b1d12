"""Columns that would not come out as they went in: an error by name, and no call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from airflow_provider_aimlapi.engine.blocking import estimate_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec
from tests.fakes.footers import annotated, int96, int96_array, int96_file, logical, written
from tests.interop.parquet_classes import encrypted

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

BODY = pa.array(["a", "b"])


def table(**columns: object) -> pa.Table:
    return pa.table({"body": BODY, **columns})


REFUSED: dict[str, tuple[list[bytes], type[Exception], str]] = {
    "an output column in capitals": (
        [written(table(COMPLETION_INFO=[1, 2]))],
        InvalidSpec,
        "'COMPLETION_INFO'.*differ only in case.*output_column",
    ),
    "two spellings in one file": (
        [written(pa.table({"body": BODY, "Body": BODY}))],
        InputUnreadable,
        "'body' and 'Body' differ only in case",
    ),
    "two spellings in two files": (
        [written(table(id=[1, 2])), written(table(ID=[3, 4]))],
        InputUnreadable,
        "'id' and 'ID' differ only in case, in .*0.parquet and in .*1.parquet",
    ),
    "a byte order mark": (
        [written(table(id=[1, 2])), written(table(**{"\ufeffid": [3, 4]}))],
        InputUnreadable,
        r"'\\ufeffid'.*byte order mark",
    ),
    "encrypted columns behind a plain footer": (
        [encrypted(table(ssn=[1, 2]), ["ssn"], plaintext_footer=True)],
        InputUnreadable,
        "0.parquet has encrypted columns: 'ssn'",
    ),
    "an encrypted footer": (
        [encrypted(table(ssn=[1, 2]), ["ssn"])],
        InputUnreadable,
        "0.parquet is encrypted",
    ),
    "INT96 between two microseconds": (
        [int96_file({"body": BODY, "at": int96_array([int96(2_440_588, 1), None])})],
        InputUnreadable,
        "'at' of .*0.parquet is INT96 with times between two microseconds",
    ),
    "large integers next to floats": (
        [written(table(n=[2**53 + 1, 1])), written(table(n=[0.5, 1.5]))],
        InputUnreadable,
        "'n' is int64 in .*0.parquet",
    ),
    "nanoseconds next to microseconds": (
        [
            written(table(at=pa.array([1, 2], pa.timestamp("ns")))),
            written(table(at=pa.array([1, 2], pa.timestamp("us")))),
        ],
        InputUnreadable,
        r"'at' is timestamp\[ns\] in .*0.parquet",
    ),
    "a struct with a field of two types": (
        [written(table(s=[{"a": 1}] * 2)), written(table(s=[{"a": "x"}] * 2))],
        InputUnreadable,
        r"'s\.a' is string in .*1.parquet.*int64 in .*0.parquet",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_without_a_call(
    case: tuple[list[bytes], type[Exception], str], place: Workplace
) -> None:
    contents, kind, words = case
    place.fs.makedirs(place.input)
    for number, content in enumerate(contents):
        place.fs.pipe_file(f"{place.input}/{number}.parquet", content)
    with pytest.raises(kind, match=words):
        place.run()
    with pytest.raises(kind, match=words):
        estimate_job(place.job(), Settings(), Inquiry(sample_rows=0))
    assert place.sim.ledger.requests == []
    assert not place.fs.exists(f"{place.output}/_aimlapi")


def test_bytes_column_that_is_enum_stands_in_a_prompt(place: Workplace) -> None:
    states = pa.table({"state": pa.array([b"open", b"closed"])})
    content = annotated(states, "state", converted=4, logical=logical(4))
    place.fs.makedirs(place.input)
    place.fs.pipe_file(f"{place.input}/a.parquet", content)
    assert place.run(place.job(prompt="Is it {state}?")).tally.ok == 2
