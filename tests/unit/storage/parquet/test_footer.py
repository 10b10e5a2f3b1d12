"""Annotations that pyarrow drops are in the part, and encrypted columns are found in the footer."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from pyarrow.parquet import encryption

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import DataSet, open_data_set
from airflow_provider_aimlapi.storage.parquet.footer import SchemaParser
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from tests.fakes.footers import (
    annotated,
    decimal_of,
    edited,
    element,
    footer_of,
    in_codec,
    logical,
    time_of,
    variant,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Struct

TEXTS = pa.array([b'{"a": 1}', None], pa.binary())
NUMBERS = pa.array([1, None], pa.int64())
SHREDDED = pa.array(
    [{"metadata": b"\x01\x00\x00", "value": b"\x0c\x01"}, None],
    pa.struct([pa.field("metadata", pa.binary(), nullable=False), pa.field("value", pa.binary())]),
)
POINT = bytes.fromhex("0101000000000000000000f03f0000000000000040")

ANNOTATED: dict[str, tuple[pa.Array, dict[str, Any]]] = {
    "ENUM": (TEXTS, {"converted": 4, "logical": logical(4)}),
    "ENUM as a converted type alone": (TEXTS, {"converted": 4}),
    "JSON": (TEXTS, {"converted": 19, "logical": logical(12)}),
    "BSON": (TEXTS, {"logical": logical(13)}),
    "STRING as a logical type alone": (TEXTS, {"logical": logical(1)}),
    "INTERVAL": (pa.array([bytes(12), None], pa.binary(12)), {"converted": 21}),
    "UUID": (pa.array([bytes(16), None], pa.binary(16)), {"logical": logical(14)}),
    "FLOAT16": (pa.array([b"\x00\x3c", None], pa.binary(2)), {"logical": logical(15)}),
    "GEOMETRY": (pa.array([POINT, None]), {"logical": logical(17)}),
    "GEOMETRY with a system": (
        pa.array([POINT, None]),
        {"logical": logical(17, {1: (8, b"EPSG:4326")})},
    ),
    "GEOGRAPHY": (pa.array([POINT, None]), {"logical": logical(18)}),
    "VARIANT": (SHREDDED, {"logical": variant()}),
    "a type of the future": (TEXTS, {"logical": logical(40)}),
    "TIME in milliseconds and UTC": (
        pa.array([1, None], pa.int32()),
        {"converted": 7, "logical": time_of(7, 1, is_utc=True)},
    ),
    "TIME in microseconds and UTC": (
        NUMBERS,
        {"converted": 8, "logical": time_of(7, 2, is_utc=True)},
    ),
    "TIME in nanoseconds and UTC": (NUMBERS, {"logical": time_of(7, 3, is_utc=True)}),
    "TIME in microseconds": (NUMBERS, {"logical": time_of(7, 2, is_utc=False)}),
    "TIME as a converted type alone": (NUMBERS, {"converted": 8}),
    "TIMESTAMP as a converted type alone": (NUMBERS, {"converted": 9}),
    "TIMESTAMP in nanoseconds": (NUMBERS, {"logical": time_of(8, 3, is_utc=False)}),
    "TIMESTAMP in UTC": (NUMBERS, {"converted": 10, "logical": time_of(8, 2, is_utc=True)}),
    "UINT_8": (pa.array([1, None], pa.int32()), {"converted": 11}),
    "INT_64": (NUMBERS, {"converted": 18}),
    "an integer without annotation": (NUMBERS, {}),
}
MEANT_BUT_STORED_OTHERWISE: dict[str, tuple[pa.Array, dict[str, Any]]] = {
    "DECIMAL in INT32": (
        pa.array([1, None], pa.int32()),
        {"converted": 5, "logical": decimal_of(5, 2)},
    ),
    "DECIMAL in INT64": (NUMBERS, {"converted": 5, "logical": decimal_of(18, 2)}),
    "DECIMAL in bytes": (
        pa.array([b"\x01", None], pa.binary()),
        {"converted": 5, "logical": decimal_of(20, 2)},
    ),
    "DECIMAL in many fixed bytes": (
        pa.array([bytes(31) + b"\x01", None], pa.binary(32)),
        {"converted": 5, "logical": decimal_of(70, 2)},
    ),
    "UNKNOWN": (pa.nulls(2, pa.int64()), {"logical": logical(11)}),
}


def opened(folder: Path, *contents: bytes) -> DataSet:
    for number, content in enumerate(contents):
        (folder / f"{number}.parquet").write_bytes(content)
    return open_data_set(fsspec.filesystem("file"), str(folder))


def parts_of(data_set: DataSet) -> list[bytes]:
    return [
        encode_part(
            data_set,
            shard,
            [skipped_outcome("null", row=row) for row in range(shard.rows)],
            outcome_columns=OutcomeColumns("completion"),
            run_key="0123456789abcdef" * 2,
            epoch=1,
        )
        for shard in plan_shards(data_set.files)
    ]


def annotation(data: bytes, name: str) -> dict[int, Any]:
    found = element(footer_of(data), name)
    return {field: found[field] for field in (1, 2, 6, 7, 8, 10) if field in found}


def types_in_duckdb(data: bytes, folder: Path) -> list[tuple[str, str]]:
    path = folder / "read_by_duckdb"
    path.write_bytes(data)
    relation = duckdb.read_parquet(str(path))
    return list(zip(relation.columns, map(str, relation.types), strict=True))


@pytest.mark.parametrize("case", ANNOTATED.values(), ids=ANNOTATED.keys())
def test_an_annotation_is_in_the_part(
    tmp_path: Path, case: tuple[pa.Array, dict[str, Any]]
) -> None:
    array, words = case
    data = annotated(pa.table({"before": [1, 2], "x": array, "after": ["b", "c"]}), "x", **words)
    (part,) = parts_of(opened(tmp_path, data))
    assert annotation(part, "x") == annotation(data, "x")
    assert annotation(part, "after") == annotation(data, "after")
    assert types_in_duckdb(part, tmp_path)[:3] == types_in_duckdb(data, tmp_path)
    found, given = (pq.read_table(io.BytesIO(content)).column("x") for content in (part, data))
    assert found.equals(given)


@pytest.mark.parametrize(
    "case", MEANT_BUT_STORED_OTHERWISE.values(), ids=MEANT_BUT_STORED_OTHERWISE.keys()
)
def test_a_type_that_is_stored_otherwise_means_the_same(
    tmp_path: Path, case: tuple[pa.Array, dict[str, Any]]
) -> None:
    array, words = case
    data = annotated(pa.table({"x": array, "n": [1, 2]}), "x", **words)
    (part,) = parts_of(opened(tmp_path, data))
    assert types_in_duckdb(part, tmp_path)[:2] == types_in_duckdb(data, tmp_path)
    found, given = (pq.read_table(io.BytesIO(content)).column("x") for content in (part, data))
    assert found.equals(given)


@pytest.mark.parametrize(
    "shape",
    [
        lambda leaf: pa.array([{"x": value} for value in leaf]),
        lambda leaf: pa.array([[{"x": value}] for value in leaf]),
        lambda leaf: pa.array([[("k", {"x": value})] for value in leaf], _map_of(leaf.type)),
    ],
    ids=["in a struct", "in a list", "in a map"],
)
def test_a_nested_annotation_is_in_the_part(tmp_path: Path, shape: Any) -> None:
    table = pa.table({"s": shape(TEXTS), "x2": [1, 2]})
    data = annotated(table, "x", converted=4, logical=logical(4))
    (part,) = parts_of(opened(tmp_path, data))
    assert annotation(part, "x") == annotation(data, "x")


def _map_of(kind: pa.DataType) -> pa.DataType:
    return pa.map_(pa.string(), pa.struct([("x", kind)]))


def test_a_list_of_variants_stays_one_in_legacy_form(tmp_path: Path) -> None:
    data = annotated(pa.table({"l": [[value] for value in SHREDDED.to_pylist()]}), "element")
    data = edited(data, lambda fields: element(fields, "element").update({10: variant()}))
    data = edited(data, lambda fields: element(fields, "list").update({4: (8, b"bag")}))
    (part,) = parts_of(opened(tmp_path, data))
    assert annotation(part, "element") == annotation(data, "element")


def test_each_part_has_the_annotations_of_its_own_file(tmp_path: Path) -> None:
    table = pa.table({"x": TEXTS})
    first = annotated(table, "x", converted=4, logical=logical(4))
    second = annotated(table, "x")
    parts = parts_of(opened(tmp_path, first, second))
    assert [annotation(part, "x") for part in parts] == [
        annotation(first, "x"),
        annotation(second, "x"),
    ]


def test_an_annotation_goes_where_its_file_is_cast(tmp_path: Path) -> None:
    narrow = annotated(pa.table({"x": pa.array([1], pa.int32())}), "x", converted=11)
    wide = written(pa.table({"x": pa.array([1000], pa.int32())}))
    first, second = parts_of(opened(tmp_path, narrow, wide))
    assert annotation(first, "x") == annotation(second, "x")


def test_ids_of_fields_stay_at_every_depth(tmp_path: Path) -> None:
    def field(number: int, name: str, kind: pa.DataType) -> pa.Field:
        return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})

    inner = pa.struct([field(3, "a", pa.int64()), field(4, "b", pa.timestamp("us"))])
    outer = field(1, "l", pa.list_(field(2, "element", inner)))
    schema = pa.schema([outer, field(5, "n", pa.int8())])
    data = written(pa.table({"l": [[{"a": 1}]], "n": [1]}, schema=schema))
    (part,) = parts_of(opened(tmp_path, data))
    ids = [
        [(one[4][1], one.get(9, (0, None))[1]) for one in footer_of(content)[2][1][1]]
        for content in (data, part)
    ]
    assert ids[1][: len(ids[0])] == ids[0]
    assert [number for _, number in ids[0] if number] == [1, 2, 3, 4, 5]


def test_statistics_of_values_without_order_are_left_out(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([bytes(12)] * 2, pa.binary(12)), "n": [1, 2]})
    (part,) = parts_of(opened(tmp_path, annotated(table, "x", converted=21)))
    group = pq.read_metadata(io.BytesIO(part)).row_group(0)
    assert group.column(0).statistics is None
    assert group.column(1).statistics.max == 2


def test_files_with_one_schema_share_it() -> None:
    parser = SchemaParser()
    one, other = (footer_bytes(written(pa.table({"x": [n]}))) for n in (1, 2))
    assert parser.parse_schema(one, "one") is parser.parse_schema(other, "other")
    assert parser.parse_schema(
        footer_bytes(written(pa.table({"y": [1]}))), "third"
    ) is not parser.parse_schema(one, "one")


def footer_bytes(data: bytes) -> bytes:
    size = int.from_bytes(data[-8:-4], "little")
    return data[-8 - size : -8]


class KeysInMemory(encryption.KmsClient):  # type: ignore[misc]
    def __init__(self, _: encryption.KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return base64.b64decode(wrapped_key)


def encrypted(table: pa.Table, *, plain_footer: bool, columns: list[str]) -> bytes:
    factory = encryption.CryptoFactory(KeysInMemory)
    how = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": columns}, plaintext_footer=plain_footer
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        for _ in range(3):
            writer.write_table(table)
    return sink.getvalue()


PEOPLE = pa.table({"body": ["a", "b"], "ssn": [1, 2], "at": [datetime(2026, 1, 1)] * 2})  # noqa: DTZ001  naive


def test_encrypted_columns_behind_a_plain_footer_are_named(tmp_path: Path) -> None:
    data = encrypted(PEOPLE, plain_footer=True, columns=["ssn", "at"])
    with pytest.raises(InputUnreadable, match=r"0\.parquet has encrypted columns: 'ssn', 'at'\."):
        opened(tmp_path, data)


def test_encrypted_columns_are_named_without_a_signature(tmp_path: Path) -> None:
    """The signature after the footer is what shows an encrypted file to other readers."""
    data = with_footer_alone(encrypted(PEOPLE, plain_footer=True, columns=["ssn"]))
    with pytest.raises(InputUnreadable, match="encrypted columns: 'ssn'"):
        opened(tmp_path, data)


def with_footer_alone(data: bytes) -> bytes:
    def forget(fields: Struct) -> None:
        for field in (8, 9):
            fields.pop(field, None)

    return edited(data, forget)


@pytest.mark.parametrize("codec", [3, 8, 77, 2**20, -1])
@pytest.mark.parametrize("options", [{}, {"write_page_index": True, "row_group_size": 1}])
def test_codec_that_arrow_lacks_is_refused_by_column(
    tmp_path: Path, codec: int, options: dict[str, Any]
) -> None:
    """The second file has the schema of the first, which is parsed once."""
    (tmp_path / "0.parquet").write_bytes(written(PEOPLE, **options))
    (tmp_path / "1.parquet").write_bytes(in_codec(written(PEOPLE, **options), codec, 1))
    name = PEOPLE.column_names[1]
    with pytest.raises(InputUnreadable, match=rf"1\.parquet has columns in a codec .*: '{name}'\."):
        open_data_set(fsspec.filesystem("file"), str(tmp_path))


def test_an_encrypted_footer_is_named(tmp_path: Path) -> None:
    data = encrypted(PEOPLE, plain_footer=False, columns=["ssn"])
    with pytest.raises(InputUnreadable, match=r"0\.parquet is encrypted, its footer too"):
        opened(tmp_path, data)


def test_file_that_only_looks_encrypted_is_read(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(7)]  # the list of their orders looks like it
    data_set = opened(tmp_path, written(pa.table({name: [1] for name in names})))
    assert data_set.column_names == tuple(names)
