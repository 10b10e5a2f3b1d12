"""Carries other writers' metadata from footer to footer, so that their readers see the new columns.

Some writers keep the whole schema there, in their own form. A reader that uses it would not find the
two new columns. So they are added to it, or it is left out.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

OWN_PREFIX = b"aimlapi."
"""The prefix of the keys in a part's own footer."""
SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
PANDAS_SCHEMA = b"pandas"
ARROW_SCHEMA = b"ARROW:schema"
"""pyarrow writes this key itself."""
LEFT_OUT = frozenset(
    {
        b"parquet.avro.schema",
        b"avro.schema",
        b"iceberg.schema",
        b"parquet.proto.class",
        b"parquet.proto.descriptor",
        b"thrift.class",
        b"thrift.descriptor",
    }
)
"""Schemas of readers that refuse a column that is not in them. Without them, they read the file's own."""
_NOT_COPIED = LEFT_OUT | {ARROW_SCHEMA, SPARK_SCHEMA, PANDAS_SCHEMA}
SPARK_CALENDAR_KEYS = (b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96")

_SPARK_TYPES: dict[pa.DataType, str] = {
    pa.string(): "string",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamp",
}
_TEXT_LABELS = [
    {
        "name": None,
        "field_name": None,
        "pandas_type": "unicode",
        "numpy_type": "object",
        "metadata": {"encoding": "UTF-8"},
    }
]


def carried_metadata(
    own: Mapping[bytes, bytes] | None,
    *,
    spark: bytes | None,
    added: Sequence[pa.Field],
    rows: range,
) -> dict[bytes, bytes]:
    """Return a file's metadata, for a part with some of its rows and more columns.

    Args:
        own: the file's.
        spark: the part's schema in Spark's form; None to leave it out.
        added: the columns that the file does not have.
        rows: the part's rows, by their position in the file.
    """
    kept = {
        key: value
        for key, value in (own or {}).items()
        if key not in _NOT_COPIED and not key.startswith(OWN_PREFIX)
    }
    if spark is not None:
        kept[SPARK_SCHEMA] = spark
    pandas = _pandas_metadata((own or {}).get(PANDAS_SCHEMA), added, rows)
    return kept if pandas is None else {**kept, PANDAS_SCHEMA: pandas}


def spark_schema(
    schemas: Iterable[bytes | None], names: Sequence[str], added: Sequence[pa.Field]
) -> bytes | None:
    """Return the schema in Spark's form, which names Spark's own types of a file's columns.

    Args:
        schemas: each file's; None for a file without one.
        names: the columns of all files.
        added: the columns that follow them.

    Returns:
        None if it cannot be derived from the files' schemas.
    """
    fields: dict[str, Any] = {}
    for schema in dict.fromkeys(schemas):
        for field in _fields_of(schema):
            known = fields.setdefault(field["name"], field)
            if known["type"] != field["type"]:
                return None
    if not fields or fields.keys() != set(names):
        return None
    columns = [{**fields[name], "nullable": True} for name in names]
    columns += map(_spark_field, added)
    return json.dumps({"type": "struct", "fields": columns}).encode()


def spark_types(schemas: Iterable[bytes | None]) -> dict[str, object]:
    """Return Spark's name for the type of each column that it wrote."""
    return {
        field["name"]: field["type"]
        for schema in dict.fromkeys(schemas)
        for field in _fields_of(schema)
    }


def _fields_of(schema: bytes | None) -> list[dict[str, Any]]:
    """Return a Spark schema's fields; none if there is no schema, or it is not in Spark's form."""
    try:
        fields = json.loads(schema or b"{}").get("fields", [])
        return [field for field in fields if {"name", "type"} <= field.keys()]
    except (ValueError, AttributeError, TypeError):
        return []


def left_out(own: Mapping[bytes, bytes] | None) -> list[str]:
    """Return the keys of a file's metadata that a part does not carry, in order."""
    return sorted(key.decode() for key in LEFT_OUT.intersection(own or {}))


def _spark_field(field: pa.Field) -> dict[str, object]:
    kind = _spark_type(field.type)
    return {"name": field.name, "type": kind, "nullable": True, "metadata": {}}


def _spark_type(kind: pa.DataType) -> object:
    if isinstance(kind, pa.StructType):
        return {"type": "struct", "fields": [_spark_field(inner) for inner in kind]}
    if isinstance(kind, pa.MapType):
        value = {"valueType": _spark_type(kind.item_type), "valueContainsNull": True}
        return {"type": "map", "keyType": _spark_type(kind.key_type), **value}
    if isinstance(kind, pa.ListType):
        return {"type": "array", "elementType": _spark_type(kind.value_type), "containsNull": True}
    return _SPARK_TYPES.get(kind)


def _pandas_metadata(schema: bytes | None, added: Sequence[pa.Field], rows: range) -> bytes | None:
    """Add the new columns, and cut an index of numbers as the rows are cut.

    Returns:
        None if there is no schema, or it is not in pandas' form.
    """
    try:
        known = json.loads(schema or b"{}")
        columns = [*known["columns"], *chain.from_iterable(map(_pandas_columns, added))]
        index = [_cut_index(one, rows) for one in known["index_columns"]]
        changed = {**known, "columns": columns, "index_columns": index, **_labels_as_text(known)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return json.dumps(changed).encode()


def _cut_index(index: Any, rows: range) -> Any:
    if not isinstance(index, dict) or index.get("kind") != "range":
        return index
    start, step = index["start"], index["step"]
    return {**index, "start": start + step * rows.start, "stop": start + step * rows.stop}


def _labels_as_text(schema: Any) -> dict[str, object]:
    """Make text the type of the columns' labels: the new ones are not numbers, dates or pairs."""
    labels: Iterable[Any] = schema.get("column_indexes", ())
    is_text = [label.get("pandas_type") for label in labels] in ([], ["unicode"], ["string"])
    return {} if is_text else {"column_indexes": _TEXT_LABELS}


def _pandas_columns(field: pa.Field) -> Iterator[dict[str, object]]:
    is_text = field.type == pa.string()
    yield _pandas_column(field.name, "unicode" if is_text else "object", "object")
    if isinstance(field.type, pa.StructType):
        for inner in field.type:
            if pa.types.is_timestamp(inner.type):  # fastparquet searches for it by its path
                path = f"{field.name}.{inner.name}"
                zone = {"timezone": inner.type.tz}
                yield _pandas_column(path, "datetimetz", "datetime64[us]") | {"metadata": zone}


def _pandas_column(name: str, kind: str, numpy_kind: str) -> dict[str, object]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": kind,
        "numpy_type": numpy_kind,
        "metadata": None,
    }
