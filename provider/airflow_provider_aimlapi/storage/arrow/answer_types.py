"""The Arrow types of typed answers, and the Parquet columns that hold their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.schemas.kinds import Kind, KindName

_SCALARS: dict[KindName, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
_ELEMENT = "element"
"""Parquet's own name of a list's items. With another one, a part would be read in another type."""


class Leaf(NamedTuple):
    """A Parquet column of values.

    Attributes:
        path: its path in the file, as Parquet writes it.
        is_text: whether it has texts, which may repeat.
        is_repeated: whether a row may have several values.
    """

    path: str
    is_text: bool
    is_repeated: bool


def arrow_type(kind: Kind) -> pa.DataType:
    """Return the type of the values. Each value may be null, because some answers are invalid."""
    if kind.name == "struct":
        return pa.struct([pa.field(one.name, arrow_type(one.kind)) for one in kind.properties])
    if kind.item is None:
        return _SCALARS[kind.name]
    item = arrow_type(kind.item)
    return pa.list_(pa.field(_ELEMENT, item)) if kind.name == "list" else pa.map_(pa.string(), item)


def leaf_columns(path: str, kind: Kind, *, is_repeated: bool = False) -> Iterator[Leaf]:
    """Yield the Parquet columns of a column of this type.

    Args:
        path: of the column itself.
    """
    if kind.item is not None:
        if kind.name == "map":
            yield Leaf(f"{path}.key_value.key", is_text=True, is_repeated=True)
        inner = f"{path}.list.{_ELEMENT}" if kind.name == "list" else f"{path}.key_value.value"
        yield from leaf_columns(inner, kind.item, is_repeated=True)
    elif kind.name == "struct":
        for one in kind.properties:
            yield from leaf_columns(f"{path}.{one.name}", one.kind, is_repeated=is_repeated)
    else:
        yield Leaf(path, is_text=kind.name == "string", is_repeated=is_repeated)
