"""Arrow's fields as the columns of a data catalogue."""

from __future__ import annotations

import pyarrow as pa

from airflow_provider_aimlapi.core.reporting.lineage import TYPE_CHARACTERS_MAX, Column
from airflow_provider_aimlapi.storage.arrow.lineage_columns import columns_of


def test_plain_columns_have_arrows_type_names() -> None:
    schema = pa.schema([("body", pa.string()), ("at", pa.timestamp("us", "UTC"))])
    assert columns_of(schema) == (
        Column(name="body", type="string"),
        Column(name="at", type="timestamp[us, tz=UTC]"),
    )


def test_struct_has_its_fields_at_any_depth() -> None:
    inner = pa.struct([("b", pa.int64())])
    (column,) = columns_of([pa.field("s", pa.struct([("a", inner)]))])
    assert column == Column(
        name="s",
        type="struct",
        fields=(Column(name="a", type="struct", fields=(Column(name="b", type="int64"),)),),
    )


def test_list_of_structs_is_one_type() -> None:
    (column,) = columns_of([pa.field("l", pa.list_(pa.struct([("a", pa.int64())])))])
    assert (column.fields, column.type) == ((), "list<item: struct<a: int64>>")


def test_long_type_name_is_cut() -> None:
    wide = pa.list_(pa.struct([(f"field_{number}", pa.int64()) for number in range(10_000)]))
    (column,) = columns_of([pa.field("l", wide)])
    assert len(column.type) == TYPE_CHARACTERS_MAX
