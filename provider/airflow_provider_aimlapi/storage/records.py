"""Small records that a task was given, kept as a Parquet file so that they can be a run's input.

The file is named by what is in it and created once: a retry that is given the same records finds
the very same file, and with it the same run and every answer that was paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_aimlapi.core import object_sizes
from airflow_provider_aimlapi.core.keys import records_name
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.storage.object_store import ObjectStore

RECORDS_MAX = 1_000
RECORDS_BYTES_MAX = 1_000_000
DIGEST_HEX_DIGITS = 32
_OTHERWISE = "Write them to a Parquet file, and return its path."


def store_records(store: ObjectStore, records: Sequence[Mapping[str, object]]) -> str:
    """Keep records as a Parquet file in a store, unless it is there.

    Args:
        records: 1 to RECORDS_MAX, of RECORDS_BYTES_MAX together; a key is a column, and a record
            that lacks it holds null there.

    Returns:
        The file's name in the store.

    Raises:
        InvalidSpec: there are none or too many, or they make no table; the text names the column.
        StoreUnavailable, StoreUnsafe: the store did not take them.
    """
    _check_records(records)
    table = pa.table({name: _column(name, records) for name in _names(records)})
    content = _content(table)
    if len(content) > RECORDS_BYTES_MAX:
        raise InvalidSpec(
            f"The records are {len(content):,} bytes; at most {RECORDS_BYTES_MAX:,} can be "
            f"returned. {_OTHERWISE}"
        )
    name = records_name(sha256(content).hexdigest()[:DIGEST_HEX_DIGITS])
    if store.read(name, bytes_max=object_sizes.RECORDS_BYTES_MAX) is None:
        create_settled(store, name, _parquet(table))
    return name


def _check_records(records: Sequence[Mapping[str, object]]) -> None:
    if not records:
        raise InvalidSpec(
            "There are no records, and so no columns for the prompt. Where there is nothing to "
            "ask, raise AirflowSkipException."
        )
    if len(records) > RECORDS_MAX:
        raise InvalidSpec(
            f"{len(records):,} records; at most {RECORDS_MAX:,} can be returned. {_OTHERWISE}"
        )
    for position, record in enumerate(records):
        if not isinstance(record, Mapping) or not all(isinstance(key, str) for key in record):
            raise InvalidSpec(
                f"Record {position} is no mapping of column names to values, such as "
                f'{{"id": 1, "body": "…"}}.'
            )


def _names(records: Sequence[Mapping[str, object]]) -> list[str]:
    """All keys, in the order in which they first appear."""
    names = list(dict.fromkeys(key for record in records for key in record))
    if not names:
        raise InvalidSpec("The records are empty: they have no column for the prompt.")
    return names


def _column(name: str, records: Sequence[Mapping[str, object]]) -> pa.Array:
    try:
        return pa.array([record.get(name) for record in records])
    except (pa.ArrowException, OverflowError) as error:
        raise InvalidSpec(
            f"The records' values of '{name}' cannot be one column: {error}. Give all of them "
            f"one type, such as text."
        ) from error


def _content(table: pa.Table) -> bytes:
    """Names, types and values, and nothing of who wrote them: Parquet names pyarrow's version."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _parquet(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
