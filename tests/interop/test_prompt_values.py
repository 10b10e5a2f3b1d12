"""What the docs say of how a value reads in a prompt is so."""

from __future__ import annotations

import builtins
import io
import json
import re
import sys
from typing import TYPE_CHECKING

import fsspec
import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from tests.fakes.footers import written
from tests.interop.docs_tables import rows_of
from tests.interop.prompt_values import VALUES, Value

if TYPE_CHECKING:
    from pathlib import Path

HEADING = "How a value reads in a prompt"
REFUSED, SKIPPED = "refused", "row skipped"


def text_of(value: Value) -> str:
    """What a prompt reads, in the words of the docs."""
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    fs.pipe_file("/in/a.parquet", value.write())
    data_set = open_data_set(fs, "memory://in")
    try:
        data_set.check_promptable(["x"])
    except InvalidSpec:
        return REFUSED
    (shard,) = plan_shards(data_set.files)
    ((row,),) = data_set.read_rows(shard, ["x"])
    assert isinstance(row, tuple)
    return SKIPPED if row[0] is None else f"`{row[0]}`"


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.kind}: {value.shown}")
def test_a_value_reads_as_the_docs_say(value: Value, pytestconfig: pytest.Config) -> None:
    rows = {(kind, shown): text for kind, shown, text in rows_of(pytestconfig, HEADING)}
    assert rows[value.kind, value.shown] == text_of(value)


def test_each_row_of_the_docs_is_tested(pytestconfig: pytest.Config) -> None:
    rows = [(kind, shown) for kind, shown, _ in rows_of(pytestconfig, HEADING)]
    assert rows == [(value.kind, value.shown) for value in VALUES]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value.kind}: {value.shown}")
def test_a_value_reads_the_same_without_pandas(
    value: Value, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = text_of(value)
    real = builtins.__import__

    def without_pandas(name: str, *args: object, **kwargs: object) -> object:
        if name.partition(".")[0] in {"pandas", "pytz"}:
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    for name in [name for name in sys.modules if re.match(r"(pandas|pytz)\b", name)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_pandas)
    assert text_of(value) == expected


def warnings_of(content: bytes, folder: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    (folder / "a.parquet").write_bytes(content)
    open_data_set(fsspec.filesystem("file"), str(folder)).check_promptable(["x"])
    return [record.getMessage() for record in caplog.records]


def test_zone_that_python_does_not_know_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (value,) = (value for value in VALUES if "Mars" in value.kind)
    (warning,) = warnings_of(value.write(), tmp_path, caplog)
    assert "'x'" in warning
    assert "'Mars/Olympus'" in warning


def test_a_type_of_pandas_alone_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = io.BytesIO()
    pd.DataFrame({"x": pd.period_range("2026-01", periods=1, freq="M")}).to_parquet(sink)
    (warning,) = warnings_of(sink.getvalue(), tmp_path, caplog)
    assert "'pandas.period'" in warning
    assert "int64" in warning


def test_a_type_of_spark_alone_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    field = {"name": "x", "type": "interval day to second", "nullable": True, "metadata": {}}
    schema = json.dumps({"type": "struct", "fields": [field]})
    table = pa.table({"x": [1]}).replace_schema_metadata(
        {"org.apache.spark.sql.parquet.row.metadata": schema}
    )
    (warning,) = warnings_of(written(table, store_schema=True), tmp_path, caplog)
    assert "'interval day to second'" in warning


def test_types_shared_by_arrow_and_parquet_cause_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for value in VALUES:
        if value.kind in {"UUID", "JSON", "ENUM", "INT96"}:
            assert warnings_of(value.write(), tmp_path, caplog) == []
