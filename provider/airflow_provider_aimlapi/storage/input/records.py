"""Keeps small records that a task received as a Parquet file, so that they can be a run's input.

The file's name depends on its content, and it is created once. A retry with the same records finds
the same file, and so the same run with all its paid answers. Anyone who can write to the output can
replace the file. So an existing file is used only if it is the same byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_aimlapi.core.durable.keys import records_name
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

RECORDS_MAX = 1_000
RECORDS_BYTES_MAX = 1_000_000
DIGEST_HEX_DIGITS = 32
NESTED_MAX = 64
"""The deepest nesting of lists and mappings. Arrow follows them by recursion, without a limit."""
_OTHERWISE = "Write them to a Parquet file, and return its path."
_TOO_LARGE = (
    f"The records hold too many bytes; at most {RECORDS_BYTES_MAX:,} can be returned. {_OTHERWISE}"
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_VALUE_TYPES = (bool, int, float, str, bytes, list, tuple, dict)


def store_records(store: ObjectStore, records: Sequence[Mapping[str, object]]) -> str:
    """Store records as a Parquet file, unless it exists.

    Args:
        records: 1 to RECORDS_MAX, of RECORDS_BYTES_MAX together. A key is a column, which is null
            in a record that lacks the key.

    Returns:
        The file's name in the store.

    Raises:
        InvalidSpec: there are none or too many, or they do not form a table. The text names the
            column and the types, never a value.
        JournalUnreadable: a file of that name exists and has another content.
        StoreUnavailable, StoreUnsafe: the store failed.
    """
    _check_records(records)
    _check_size(records)
    content, parquet = _encoded_records(records)
    if len(content) > RECORDS_BYTES_MAX:
        raise InvalidSpec(_TOO_LARGE)
    name = records_name(sha256(content).hexdigest()[:DIGEST_HEX_DIGITS])
    # The name is a digest of the content. So an earlier try of the same task has written the same
    # file, and a different file under this name is not ours.
    found = store.read(name, bytes_max=len(parquet))
    if found != parquet and not (found is None and create_settled(store, name, parquet)):
        raise JournalUnreadable(
            f"Remove the stored records, and run the task again: {store.uri(name)} exists and does "
            f"not hold these records as this version of pyarrow writes them. Another program or "
            f"another version has written it."
        )
    return name


def _check_records(records: Sequence[Mapping[str, object]]) -> None:
    if not records:
        raise InvalidSpec(
            "There are no records, and so no columns for the prompt. If there is nothing to "
            "send, raise AirflowSkipException."
        )
    if len(records) > RECORDS_MAX:
        raise InvalidSpec(
            f"{len(records):,} records; at most {RECORDS_MAX:,} can be returned. {_OTHERWISE}"
        )
    for position, record in enumerate(records):
        if not isinstance(record, Mapping) or not all(isinstance(key, str) for key in record):
            raise InvalidSpec(
                f"Record {position} is not a mapping of column names to values, such as "
                f'{{"id": 1, "body": "…"}}.'
            )


def _check_size(records: Sequence[Mapping[str, object]]) -> None:
    """Refuse large or deep records before Arrow reads them, by counting characters and values."""
    # Arrow would allocate first and fail later. An explicit stack, because recursion fails on deep
    # values.
    names = {name for record in records for name in record}
    size = len(names) * len(records)
    waiting = [(value, 1) for record in records for value in record.values()]
    while waiting and size <= RECORDS_BYTES_MAX:
        value, depth = waiting.pop()
        if depth > NESTED_MAX:
            raise InvalidSpec(
                f"The records hold lists or mappings nested more than {NESTED_MAX} deep. {_OTHERWISE}"
            )
        size += len(value) if isinstance(value, Sized) else 1
        if size <= RECORDS_BYTES_MAX:
            waiting.extend((inner, depth + 1) for inner in _inner_values(value))
    if size > RECORDS_BYTES_MAX:
        raise InvalidSpec(_TOO_LARGE)


def _inner_values(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


def _names_of_columns(records: Sequence[Mapping[str, object]]) -> list[str]:
    """Return all keys, in the order in which they first appear."""
    names = list(dict.fromkeys(key for record in records for key in record))
    if not names:
        raise InvalidSpec("The records are empty: they have no column for the prompt.")
    return names


def _encoded_records(records: Sequence[Mapping[str, object]]) -> tuple[bytes, bytes]:
    """Return the bytes that identify the records, and the file that holds them.

    Arrow's errors quote the value that it cannot store. So they are neither repeated nor chained.
    """
    columns = {
        name: [record.get(name) for record in records] for name in _names_of_columns(records)
    }
    encoded = _encoded_or_none(columns)
    if encoded is None:
        raise InvalidSpec(_what_is_wrong(columns))
    return encoded


def _encoded_or_none(columns: Mapping[str, list[object]]) -> tuple[bytes, bytes] | None:
    try:
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        return _content_of_table(table), _parquet_of_table(table)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return None


def _what_is_wrong(columns: Mapping[str, list[object]]) -> str:
    for position, (name, values) in enumerate(columns.items()):
        if _encoded_or_none({name: values}) is None:
            return (
                f"The records' values of {_shown_column(name, position)} cannot be one column: they are of "
                f"types {_types_of_values(values)}. Give all of them one type, such as text."
            )
    return f"The records do not form a table that Parquet can hold. {_OTHERWISE}"


def _shown_column(name: str, position: int) -> str:
    """Return a column's name for an error. A name that is not a plain word may be a row's text."""
    return f"'{name}'" if _PLAIN_NAME.fullmatch(name) else f"column {position + 1}"


def _types_of_values(values: Sequence[object]) -> str:
    kinds = (
        next((kind.__name__ for kind in _VALUE_TYPES if isinstance(value, kind)), "other")
        for value in values
        if value is not None
    )
    return ", ".join(sorted(set(kinds))) or "none"


def _content_of_table(table: pa.Table) -> bytes:
    """Return names, types and values without metadata, because Parquet files name pyarrow's version."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _parquet_of_table(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
