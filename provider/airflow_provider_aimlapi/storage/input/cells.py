"""Turns Arrow columns into the texts of prompts. Reads no file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.prompts.template import RowTexts, UnreadableRow
from airflow_provider_aimlapi.core.texts.iso_texts import find_zone
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.arrow.cell_values import json_values
from airflow_provider_aimlapi.storage.parquet.conversion import leaf_types

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_KNOWN_EXTENSIONS = frozenset({"arrow.json", "arrow.uuid", "arrow.bool8"})
_Text = str | UnreadableRow | None


def texts_of_rows(columns: Sequence[tuple[str, pa.Array]]) -> list[RowTexts]:
    """Return rows of texts, in the order of the columns, of which there is at least one.

    A row with a value that cannot be read becomes an UnreadableRow that names the column.
    """
    sound = [_texts_of_column(array) for _, array in columns]
    # Almost always. Only if a text is damaged are the cells read one by one, to find its rows.
    if None not in sound:
        return list(zip(*(texts for texts in sound if texts is not None), strict=True))
    one_by_one = [_texts_one_by_one(name, array) for name, array in columns]
    return [_row_of(texts) for texts in zip(*one_by_one, strict=True)]


def _row_of(texts: tuple[_Text, ...]) -> RowTexts:
    for text in texts:
        if isinstance(text, UnreadableRow):
            return text
    return tuple(text for text in texts if not isinstance(text, UnreadableRow))


def _texts_of_column(array: pa.Array) -> list[str | None] | None:
    """Return all texts of a column; None if one of them cannot be read."""
    try:
        if _is_text(array.type):
            return array.to_pylist()  # type: ignore[no-any-return]  # strings and nulls
        return [None if value is None else _text_of(value) for value in json_values(array)]
    except UnicodeDecodeError:
        return None


def _texts_one_by_one(name: str, array: pa.Array) -> list[_Text]:
    return [_text_or_reason(name, array.slice(row, 1)) for row in range(len(array))]


def _text_or_reason(name: str, cell: pa.Array) -> _Text:
    try:
        (value,) = json_values(cell)
    except UnicodeDecodeError:
        return UnreadableRow(f"column '{name}' is not valid UTF-8")
    return None if value is None else _text_of(value)


def _text_of(value: object) -> str:
    """Return a text unchanged, and any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def check_promptable(fields: Iterable[pa.Field], texts: Collection[str] = ()) -> None:
    """Refuse columns of bytes, which have no text form.

    Args:
        texts: the columns whose byte arrays are text, by the file's own annotations.

    Raises:
        InvalidSpec: a column holds bytes. The text names it.
    """
    for field in fields:
        if _holds_bytes(field.type, are_text=field.name in texts):
            raise InvalidSpec(
                f"Column '{field.name}' is {field.type}, which is bytes and not text. Leave it "
                f"out of the prompt, or write its text to a string column first."
            )


def doubts_about(field: pa.Field, spark_type: object = None) -> Iterator[str]:
    """Yield a warning for each form of a column's values in a prompt that may surprise.

    Args:
        spark_type: Spark's name of its type; None if Spark has not written it.
    """
    for leaf in leaf_types(field.type):
        if types.is_timestamp(leaf) and leaf.tz is not None and find_zone(leaf.tz) is None:
            yield (
                f"Column '{field.name}' is in the time zone '{leaf.tz}', which this Python does "
                f"not have. The prompt shows its times in UTC."
            )
    name = _extension_name(field)
    if str(spark_type).startswith("interval"):
        name = str(spark_type)
    if name is not None and name not in _KNOWN_EXTENSIONS:
        yield (
            f"Column '{field.name}' is of the type '{name}'. The prompt shows its stored form, "
            f"which is {_storage_type(field.type)}."
        )


def _extension_name(field: pa.Field) -> str | None:
    """Return the name of a type that is not Arrow's own, whether it is registered or not."""
    if isinstance(field.type, pa.BaseExtensionType):
        return str(field.type.extension_name)
    name = (field.metadata or {}).get(b"ARROW:extension:name")
    return name and name.decode(errors="replace")


def _storage_type(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _holds_bytes(kind: pa.DataType, *, are_text: bool) -> bool:
    return any(
        types.is_fixed_size_binary(leaf) or (_is_binary(leaf) and not are_text)
        for leaf in leaf_types(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))
