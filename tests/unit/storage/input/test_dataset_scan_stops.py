"""A scan of many input files ends between two files when its check says so."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.storage.input.dataset import open_data_set

if TYPE_CHECKING:
    from pathlib import Path

FILES = 600
PASSED = 20


class Check:
    """Passes a few times and then raises.

    Attributes:
        calls: so far.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.calls += 1
            if self.calls > PASSED:
                raise RunInterrupted("stop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    first = folder / "0.parquet"
    pq.write_table(pa.table({"n": [1]}), first)
    for number in range(1, FILES):
        (folder / f"{number}.parquet").write_bytes(first.read_bytes())
    return folder


def test_reading_footers_ends_when_its_check_says_so(folder: Path) -> None:
    check = Check()
    with pytest.raises(RunInterrupted):
        open_data_set(fsspec.filesystem("file"), str(folder), check)
    assert check.calls < FILES / 4  # each piece of files looks once more


def test_checking_values_ends_when_its_check_says_so(folder: Path) -> None:
    data_set = open_data_set(fsspec.filesystem("file"), str(folder))
    check = Check()
    with pytest.raises(RunInterrupted):
        data_set.check_values(plan_shards(data_set.files), check)
