"""The choice of earlier runs is made once."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.runs.reuse_pins import ReusePin, read_pin, store_pin
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="ab" * 16)
URI = "s3://lake/out/"
FIRST = ReusePin(output=URI, run_keys=("aa" * 16,))


def test_first_choice_counts() -> None:
    store = MemoryStore()
    assert read_pin(store, NAMES, URI) is None
    assert store_pin(store, NAMES, FIRST) == FIRST
    assert store_pin(store, NAMES, ReusePin(output=URI, run_keys=("bb" * 16,))) == FIRST
    assert read_pin(store, NAMES, URI) == FIRST


def test_each_output_has_its_own_choice() -> None:
    store = MemoryStore()
    store_pin(store, NAMES, FIRST)
    assert read_pin(store, NAMES, "s3://lake/other/") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"output":"x","run_keys":["../../etc"]}',
        b'{"output":"x","run_keys":[%s]}' % b",".join([b'"%s"' % (b"ab" * 16)] * 3),
        b"x" * 70_000,
    ],
)
def test_damaged_choice_is_refused(data: bytes) -> None:
    store = MemoryStore()
    store.create(NAMES.reuse_pin(URI), data)
    with pytest.raises(JournalUnreadable, match="_aimlapi"):
        read_pin(store, NAMES, URI)
