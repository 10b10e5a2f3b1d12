"""Records: what another writer put in their place is not used, and no value of theirs is quoted."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from airflow_provider_aimlapi.storage.input.records import NESTED_MAX, store_records
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "MARKER-4711"
RECORDS = [{"text": "ours", "id": 1}]


@pytest.fixture
def store(tmp_path: Path) -> FsspecStore:
    return FsspecStore(fsspec.filesystem("file"), str(tmp_path))


def planted(kind: str, ours: bytes, folder: Path) -> bytes:
    if kind == "other rows":
        pq.write_table(pa.table({"text": [MARKER] * 9, "id": [1] * 9}), folder / "other.parquet")
        return (folder / "other.parquet").read_bytes()
    if kind == "same rows, written otherwise":
        pq.write_table(pa.table({"text": ["ours"], "id": [1]}), folder / "o", compression="none")
        return (folder / "o").read_bytes()
    changed = {
        "one byte": bytes([ours[0] ^ 1]) + ours[1:],
        "cut": ours[:-1],
        "longer": ours + b"\0",
        "empty": b"",
        "huge": b"x" * 50_000_000,
    }
    return changed[kind]


@pytest.mark.parametrize(
    "kind",
    ["other rows", "same rows, written otherwise", "one byte", "cut", "longer", "empty", "huge"],
)
def test_planted_file_is_not_used(store: FsspecStore, tmp_path: Path, kind: str) -> None:
    name = store_records(store, RECORDS)
    other = planted(kind, (tmp_path / name).read_bytes(), tmp_path)
    (tmp_path / name).write_bytes(other)
    with pytest.raises(JournalUnreadable) as refused:
        store_records(store, RECORDS)
    assert name in str(refused.value)
    assert MARKER not in str(refused.value)
    assert (tmp_path / name).read_bytes() == other


class Racing(MemoryStore):
    """A store in which another writer creates the same name a moment before us."""

    def create(self, name: str, data: bytes) -> bool:
        super().create(name, b"theirs" if self.is_hostile else data)
        return super().create(name, data)

    is_hostile = True


def test_file_that_appears_meanwhile_is_not_used() -> None:
    with pytest.raises(JournalUnreadable):
        store_records(Racing(), RECORDS)


def test_same_file_that_appears_meanwhile_is_used() -> None:
    store = Racing()
    store.is_hostile = False
    assert store_records(store, RECORDS)


class Opaque:
    def __repr__(self) -> str:
        return MARKER


values = st.one_of(
    st.just(MARKER),
    st.just(MARKER.encode()),
    st.sampled_from([1, 2**80, -1.5, True, None, Opaque(), {MARKER: 1}, [MARKER], {1: MARKER}]),
    st.just(f"{MARKER}\ud800"),
)
columns = st.sampled_from(["text", "id", f"{MARKER} of a row", "a\nb", f"{MARKER}\ud800", ""])


@given(records=st.lists(st.dictionaries(columns, values, max_size=3), max_size=4))
def test_refusal_quotes_no_value(records: list[dict[str, Any]]) -> None:
    refusal = None
    try:
        store_records(MemoryStore(), records)
    except InvalidSpec as refused:
        refusal = refused
    if refusal is not None:
        text = "".join(traceback.format_exception(refusal))
        said = "".join(line for line in text.splitlines() if not line.startswith("    "))
        assert MARKER not in said
        assert refusal.__cause__ is refusal.__context__ is None


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_deep_records_are_refused_before_arrow_sees_them() -> None:
    assert store_records(MemoryStore(), [{"a": nested(NESTED_MAX - 1)}])
    for depth in (NESTED_MAX, 100_000):
        with pytest.raises(InvalidSpec, match="deep"):
            store_records(MemoryStore(), [{"a": nested(depth)}])
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidSpec, match="deep"):
        store_records(MemoryStore(), [{"a": endless}])


def test_large_records_are_refused_before_arrow_sees_them() -> None:
    shared: list[object] = ["x" * 1000]
    for _ in range(40):
        shared = [shared, shared]
    for records in (
        [{"a": "x" * 1_000_001}],
        [{"a": shared}],
        [{"a": ["x" * 900_000] * 1000}] * 1000,
        [{f"column {record}-{key}": 1 for key in range(10)} for record in range(999)],
    ):
        with pytest.raises(InvalidSpec, match="at most 1,000,000"):
            store_records(MemoryStore(), records)
