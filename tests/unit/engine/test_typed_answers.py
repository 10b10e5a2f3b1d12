"""A schema is checked against the input before money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.typed_answers import outcome_columns_of, validator_of
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.storage.input.dataset import DataSet


@pytest.fixture
def data_set(tmp_path: Path) -> DataSet:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"body": ["x"], "Topic": ["y"]}), path)
    return open_data_set(LocalFileSystem(), str(path))


def job(*names: str, output_column: str | None = None, **quoted: str) -> Job:
    properties: dict[str, Any] = {name: {"type": "string"} for name in names}
    for name, column in quoted.items():
        properties[name] = {"type": "string", "quote_of": column}
    schema = answer_schema({"type": "object", "properties": properties})
    place = OpenLocation(fs=LocalFileSystem(), path="/x")
    return Job(
        completion=CompletionSpec(model="anthropic/claude-sonnet-4-6-20260218"),
        prompt="{body}",
        system=None,
        output_column=output_column,
        limit_rows=None,
        endpoint=Endpoint(base_url="https://api.example.com", key="k"),
        input=place,
        output=place,
        schema=schema,
    )


def test_each_property_becomes_a_column(data_set: DataSet) -> None:
    names = outcome_columns_of(job("urgency", "day"), data_set).column_names
    assert names == ("urgency", "day", "completion_info")


@pytest.mark.parametrize("name", ["body", "topic", "completion_info", "Completion_Info"])
def test_a_property_that_collides_is_refused(data_set: DataSet, name: str) -> None:
    with pytest.raises(InvalidSpec, match="Rename the property"):
        outcome_columns_of(job("urgency", name), data_set)
    columns = outcome_columns_of(job("urgency", name, output_column="answer"), data_set)
    assert columns.column_names == ("answer", "answer_info")


def test_quotes_of_columns_in_the_prompt_are_checked() -> None:
    validator = validator_of(job("topic", quote="body"), ["body"])
    assert validator is not None
    assert validator.schema.quoted_columns == ("body",)


def test_a_quote_of_an_unseen_column_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="'Topic', which the prompt does not use"):
        validator_of(job("topic", quote="Topic"), ["body"])


def test_columns_per_property_need_a_schema() -> None:
    with pytest.raises(InvalidSpec, match="output_column=None needs output_schema"):
        Job(
            **{name: getattr(job("a"), name) for name in Job.__slots__ if name != "schema"},
            schema=None,
        )
