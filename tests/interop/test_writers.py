"""Each writer reads its own types and values in what a run made of its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from tests.interop.docs_tables import rows_of
from tests.interop.writers import WRITERS, Writer

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from tests.runs.conftest import Workplace

HEADING = "What each writer reads back"


def run_on(place: Workplace, writer: Writer) -> tuple[DataSet, Path]:
    """The input, and the output's only file."""
    source = Path(place.input) / "a.parquet"
    source.parent.mkdir()
    writer.write(source)
    report = place.run(place.job(prompt="One line", constant_prompt=True))
    assert report.tally.ok == 1
    (name,) = place.visible()
    return open_data_set(place.fs, str(source)), Path(place.output) / name


def prompt_of(data_set: DataSet, name: str) -> str:
    try:
        data_set.check_promptable([name])
    except InvalidSpec:
        return "refused"
    (shard,) = plan_shards(data_set.files)
    ((row,),) = data_set.read_rows(shard, [name])
    assert isinstance(row, tuple)
    return "row skipped" if row[0] is None else f"`{row[0]}`"


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_writer_reads_its_own_values_back(writer: Writer, place: Workplace) -> None:
    data_set, output = run_on(place, writer)
    before, after = writer.read(Path(data_set.files[0].path)), writer.read(output)
    assert list(after)[: len(before)] == list(before)
    values = {name: after[name][1] for name in before}
    assert repr(values) == repr({name: found for name, (_, found) in before.items()})
    assert any(name.startswith("completion_info") for name in after)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_types_are_as_the_docs_say(
    writer: Writer, place: Workplace, pytestconfig: pytest.Config
) -> None:
    data_set, output = run_on(place, writer)
    after = writer.read(output)
    found = {
        (writer.name, name, prompt_of(data_set, name), after[name][0])
        for name in data_set.column_names
    }
    rows = set(rows_of(pytestconfig, HEADING))
    assert found <= rows, found - rows


def test_each_row_of_the_docs_is_a_writers(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    known = set()
    for writer in WRITERS:
        path = tmp_path / "a.parquet"
        writer.write(path)
        known |= {(writer.name, name) for name in writer.read(path)}
    assert {row[:2] for row in rows_of(pytestconfig, HEADING)} == known
