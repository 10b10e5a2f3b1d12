"""Paths as users write them, by the names that OpenLineage's naming conventions give."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.texts.typed_path import VARIABLE
from airflow_provider_aimlapi.operators.locations import parse_location
from airflow_provider_aimlapi.operators.telemetry.openlineage_names import (
    DataSetName,
    data_set_name,
)


def named(path: str, account: str | None = None) -> DataSetName | None:
    location = parse_location(path, argument="input_path", storage_conn_id="lake_conn")
    return data_set_name(location, account=account)


@pytest.mark.parametrize(
    ("path", "namespace", "name"),
    [
        ("s3://lake/tickets/ds=2026-01-01/", "s3://lake", "tickets/ds=2026-01-01"),
        ("s3://aws_default@lake/tickets", "s3://lake", "tickets"),
        ("s3a://lake/tickets/", "s3://lake", "tickets"),
        ("s3://lake/tickets/*/part-*.parquet", "s3://lake", "tickets"),
        ("s3://lake/tickets/a.parquet", "s3://lake", "tickets/a.parquet"),
        ("s3://lake", "s3://lake", "/"),
        ("gs://lake/tickets/", "gs://lake", "tickets"),
        ("gcs://lake/tickets/", "gs://lake", "tickets"),
        ("/data/tickets/", "file", "/data/tickets"),
        ("file:///data/tickets/a.parquet", "file", "/data/tickets/a.parquet"),
        ("hdfs://namenode:8020/tickets/", "hdfs://namenode:8020", "tickets"),
    ],
)
def test_a_data_set_is_named_as_others_name_it(
    path: str, namespace: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "hdfs")
    assert named(path) == DataSetName(namespace=namespace, name=name)


@pytest.mark.parametrize("scheme", ["abfs", "abfss", "az"])
def test_azure_namespace_needs_the_account(scheme: str) -> None:
    path = f"{scheme}://wasb_default@container/tickets/"
    assert named(path, account="store") == DataSetName(
        namespace="abfss://container@store.dfs.core.windows.net", name="tickets"
    )
    assert named(path) is None


def test_records_of_a_task_are_no_data_set() -> None:
    assert named("s3://lake/out/_aimlapi/records/0a1b/records.parquet") is None
