"""Records become one Parquet file, named by what they hold, whoever writes it and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.records import store_records
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> FsspecStore:
    return FsspecStore(fsspec.filesystem("file"), str(tmp_path))


def test_values_keep_their_types_and_missing_ones_are_null(
    store: FsspecStore, tmp_path: Path
) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    name = store_records(store, [{"id": 1, "at": at}, {"id": 2, "price": Decimal("1.50")}])
    assert pq.read_table(tmp_path / name).to_pylist() == [
        {"id": 1, "at": at, "price": None},
        {"id": 2, "at": None, "price": Decimal("1.50")},
    ]


def test_the_same_records_are_the_same_file_untouched(store: FsspecStore, tmp_path: Path) -> None:
    name = store_records(store, [{"text": "a"}])
    before = (tmp_path / name).stat()
    assert store_records(store, [{"text": "a"}]) == name
    assert (tmp_path / name).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    "others",
    [[{"text": "b"}], [{"text": "a"}] * 2, [{"body": "a"}], [{"text": 1}], [{"text": None}]],
)
def test_other_records_are_another_file(store: FsspecStore, others: list[dict[str, Any]]) -> None:
    assert store_records(store, [{"text": "a"}]) != store_records(store, others)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{1: "a"}], "Record 0 is not a mapping"),
        ([{"n": 2**80}], "values of 'n' cannot be one column"),
        ([{}], "no column for the prompt"),
    ],
)
def test_what_makes_no_table_is_refused(
    store: FsspecStore, records: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InvalidSpec, match=words):
        store_records(store, records)
