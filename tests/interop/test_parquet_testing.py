"""Each file that Arrow reads passes through a run as others see it; each other is an error of ours.

The files are those of apache/parquet-testing, where they are, and a set of the same classes that is
made here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from tests.interop.parquet_classes import BROKEN, SOUND
from tests.interop.parquet_testing import folder
from tests.interop.readers import by_duckdb, by_polars

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

ROWS = 150
DECODED_BYTES_MAX = 64 * 1024 * 1024
KNOWN_TO_SPARK_ALONE = {"int96_from_spark.parquet"}
"""A year of which Arrow, DuckDB and Polars read three others; tests/warehouses holds it to Spark."""
ROOT = Path(__file__).parents[2]
FOUND = folder(ROOT)
FILES = sorted(FOUND.rglob("*.parquet*")) if FOUND else []


def is_large(path: Path) -> bool:
    try:
        metadata = pq.ParquetFile(path).metadata
    except (pa.ArrowException, OSError):
        return False
    groups = range(metadata.num_row_groups)
    size = sum(metadata.row_group(group).total_byte_size for group in groups)
    return bool(size > DECODED_BYTES_MAX)


LARGE = [path for path in FILES if is_large(path)]


def rows_of(path: Path) -> int:
    """Its row groups' rows: one file says that it has none."""
    metadata = pq.read_metadata(path)
    return sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))


def is_read_by_arrow(path: Path) -> bool:
    try:
        pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError):
        return False
    return True


def prompt_for(place: Workplace, path: Path) -> str:
    """A prompt of the first column that can stand in one."""
    data_set = open_data_set(place.fs, str(path))
    for name in data_set.column_names:
        try:
            data_set.check_promptable([name])
        except InvalidSpec:
            continue
        if name.isidentifier():
            return f"Explain {{{name}}}"
    return "One line"


def check_passes(place: Workplace, path: Path) -> None:
    source = OpenLocation(fs=place.fs, path=str(path))
    prompt = prompt_for(place, path)
    job = place.job(input=source, prompt=prompt, constant_prompt=True, limit_rows=ROWS)
    report = place.run(job)
    output = [f"{place.output}/{name}" for name in place.visible()]
    assert report.tally.rows == min(ROWS, rows_of(path))
    check_as_others_see_it(path, output)
    check_as_arrow_sees_it(place, path, output)


def check_as_others_see_it(path: Path, output: list[str]) -> None:
    """Types and values are those that DuckDB reads, or Polars where DuckDB reads nothing."""
    read = by_duckdb if by_duckdb([str(path)], ROWS) else by_polars
    before, after = read([str(path)], ROWS), read(output, ROWS)
    assert before
    assert list(after)[-2:] == ["completion", "completion_info"]
    if path.name not in KNOWN_TO_SPARK_ALONE:
        assert {name: after[name] for name in before} == before


def check_as_arrow_sees_it(place: Workplace, path: Path, output: list[str]) -> None:
    """The rows in their order, whether or not another reader has the encoding."""
    data_set = open_data_set(place.fs, str(path))
    shards = plan_shards(data_set.files, limit_rows=ROWS)
    batches = [batch for shard in shards for batch in data_set.read_tables(shard)]
    given = pa.Table.from_batches(batches, data_set.schema)
    found = pa.concat_tables([pq.read_table(name) for name in output])
    for name in given.column_names:
        one = given.column(name).combine_chunks()
        other = found.column(name).combine_chunks().cast(one.type)  # elements of lists were renamed
        assert one.to_string(window=ROWS) == other.to_string(window=ROWS)  # where NaN is NaN


def check_is_refused(place: Workplace, path: Path) -> None:
    source = OpenLocation(fs=place.fs, path=str(path))
    with pytest.raises(InputUnreadable, match=re.escape(path.name)):
        place.run(place.job(input=source, prompt="One line", constant_prompt=True))
    assert place.visible() == []
    assert place.sim.ledger.requests == []


def check(place: Workplace, path: Path) -> None:
    if is_read_by_arrow(path):
        check_passes(place, path)
    else:
        check_is_refused(place, path)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path not in LARGE], ids=lambda path: path.name
)
def test_a_file_of_parquet_testing_passes_or_is_named(path: Path, place: Workplace) -> None:
    check(place, path)


@pytest.mark.attack
@pytest.mark.parametrize("path", LARGE, ids=lambda path: path.name)
def test_a_large_file_of_parquet_testing_passes(path: Path, place: Workplace) -> None:
    """Arrow refuses to read it at once; row by row it does."""
    report = place.run(
        place.job(
            input=OpenLocation(fs=place.fs, path=str(path)), prompt="One line", constant_prompt=True
        )
    )
    assert report.tally.ok == pq.read_metadata(path).num_rows


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_of_each_class_passes(name: str, place: Workplace, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.parquet"
    path.write_bytes(SOUND[name]())
    check_passes(place, path)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_of_each_class_is_named(name: str, place: Workplace, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.parquet"
    path.write_bytes(BROKEN[name]())
    check_is_refused(place, path)
