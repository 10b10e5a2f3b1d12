"""An output path must not be read as input, nor hold it."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.apart import check_apart


@pytest.mark.parametrize(
    ("input_uri", "output_uri"),
    [
        ("s3://lake/tickets", "s3://lake/tickets"),
        ("s3://lake/tickets/", "s3://lake/tickets"),
        ("s3://lake/tickets", "s3://lake/tickets/out"),
        ("s3://lake/tickets", "s3://lake/tickets/_out"),
        ("s3://lake/tickets/a.parquet", "s3://lake/tickets"),
        ("s3://lake/tickets/a.parquet", "s3://lake/tickets/a.parquet"),
        ("s3://lake/tickets", "s3://lake"),
        ("s3://lake/tickets/*.parquet", "s3://lake/tickets"),
        ("s3://lake/tickets/*.parquet", "s3://lake"),
        ("s3://lake/**/*.parquet", "s3://lake/out"),
        ("s3://lake/*", "s3://lake/out"),
        ("s3://lake/ds=*/", "s3://lake/ds=1/out"),
    ],
)
def test_refused(input_uri: str, output_uri: str) -> None:
    with pytest.raises(InvalidSpec, match="output_path") as refusal:
        check_apart(input_uri, output_uri)
    assert input_uri in str(refusal.value)


@pytest.mark.parametrize(
    ("input_uri", "output_uri"),
    [
        ("s3://lake/tickets", "s3://lake/tickets_out"),
        ("s3://lake/tickets", "s3://other/tickets"),
        ("s3://lake/tickets", "file:///lake/tickets"),
        ("s3://lake/tickets/a.parquet", "s3://lake/out"),
        ("s3://lake/tickets-*.parquet", "s3://lake/out"),
        ("s3://lake/ds=*/in.parquet", "s3://lake/out/ds=1"),
        ("s3://lake/in*/x/*.parquet", "s3://lake/out"),
    ],
)
def test_allowed(input_uri: str, output_uri: str) -> None:
    check_apart(input_uri, output_uri)
