"""Arrow columns as the texts that prompts are made of. Knows no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from airflow_provider_aimlapi.core.template import RowTexts, UnreadableRow, text_of
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MICROSECONDS: dict[type[pa.DataType], Callable[[pa.DataType], pa.DataType]] = {
    pa.TimestampType: lambda kind: pa.timestamp("us", kind.tz),
    pa.DurationType: lambda _: pa.duration("us"),
    pa.Time64Type: lambda _: pa.time64("us"),
}
_Text = str | UnreadableRow | None


def texts_of_rows(columns: Sequence[tuple[str, pa.Array]]) -> list[RowTexts]:
    """Rows of texts, in the order of the columns; at least one column.

    A row with a value that cannot be read becomes an UnreadableRow that names the column.
    """
    sound = [_texts_of_column(array) for _, array in columns]
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
    """All texts of a column; None when one of them cannot be read."""
    array = _readable(array)
    try:
        cells = array.to_pylist()
        if _is_text(array.type):
            return cells  # type: ignore[no-any-return]  # strings and nulls
        return [None if cell is None else text_of(cell) for cell in cells]
    except (ValueError, OverflowError, KeyError):  # UnicodeDecodeError is a ValueError
        return None


def _texts_one_by_one(name: str, array: pa.Array) -> list[_Text]:
    return [_text_or_reason(name, cell) for cell in _readable(array)]


def _text_or_reason(name: str, cell: pa.Scalar) -> _Text:
    try:
        value = cell.as_py()
        return None if value is None else text_of(value)
    except UnicodeDecodeError:
        return UnreadableRow(f"column '{name}' is not valid UTF-8")
    except (ValueError, OverflowError, KeyError) as error:
        kind = type(error).__name__  # its text may quote the cell
        return UnreadableRow(f"column '{name}' cannot be read as text ({kind})")


def _readable(array: pa.Array) -> pa.Array:
    """The same values in a type whose values Python has: no dictionaries, no nanoseconds."""
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    readable = _in_microseconds(array.type)
    return array if readable.equals(array.type) else array.cast(readable, safe=False)


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    """Python's datetime has no nanoseconds: pandas would be needed, and may not be installed."""
    if getattr(kind, "unit", None) == "ns":
        return _MICROSECONDS[type(kind)](kind)
    if isinstance(kind, pa.StructType):
        return pa.struct([_field_in_microseconds(field) for field in kind])
    if isinstance(kind, pa.ListType | pa.LargeListType):
        make = pa.list_ if isinstance(kind, pa.ListType) else pa.large_list
        return make(_field_in_microseconds(kind.value_field))
    return kind


def _field_in_microseconds(field: pa.Field) -> pa.Field:
    return field.with_type(_in_microseconds(field.type))


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def check_promptable(fields: Iterable[pa.Field]) -> None:
    """Refuse columns of bytes, which say nothing as text.

    Raises:
        InvalidSpec: naming the column.
    """
    for field in fields:
        if _holds_bytes(field.type):
            raise InvalidSpec(
                f"Column '{field.name}' is {field.type}, which is bytes and not text. Leave it "
                f"out of the prompt, or write its text to a string column first."
            )


def _holds_bytes(kind: pa.DataType) -> bool:
    if types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return not isinstance(kind, pa.UuidType) and _holds_bytes(kind.storage_type)
    if types.is_nested(kind):
        return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )
