"""Reads the footer of a part from its bytes, within limits.

Others may be able to write where a part lies. So its footer is counted before Parquet's own reader makes
objects of it. A part counts only if its outcome columns have the types that a run writes. Other columns
are ignored.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.bounds import (
    Epoch,
    PartNumber,
    RunKey,
    Sha256Hex,
    ShardRows,
)
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.durable.object_sizes import PART_BYTES_MAX
from airflow_provider_aimlapi.storage.parquet.footer_metadata import OWN_PREFIX
from airflow_provider_aimlapi.storage.parquet.thrift_counts import CompactReader, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

FOOTER_BYTES_MAX = 16 * 1024 * 1024
STRUCTS_MAX = 400_000
"""A column of a row group takes 7 structs in our footers, and at most 700 bytes of memory per struct.
So 57,000 such columns fit, in at most 290 MB."""
END_BYTES = 64 * 1024
"""The first read of a part's end. Most footers are shorter."""
_TAIL = struct.Struct("<I4s")
_MAGIC = b"PAR1"

READING_ERRORS = (
    *(pa.ArrowException, OSError, ValueError, KeyError),
    *(OverflowError, RecursionError),
)
"""The errors of pyarrow for damaged Parquet. Those of msgspec and Unicode are ValueErrors."""


class PartFooter(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata that `part_writer.encode_part` writes beside the columns.

    Attributes:
        run_key: the run of the part.
        part: its number.
        epoch: of the attempt that wrote it.
        rows: how many it has.
        tally: of its outcomes.
        sha256: hex, of all bytes before the footer.
        body_bytes: how many bytes precede the footer.
    """

    run_key: RunKey
    part: PartNumber
    epoch: Epoch
    rows: ShardRows
    tally: Tally
    sha256: Sha256Hex
    body_bytes: Annotated[int, msgspec.Meta(ge=4, le=PART_BYTES_MAX)]


def footer_metadata(footer: PartFooter) -> dict[bytes, bytes]:
    """Return the footer as key and value metadata of a Parquet file."""
    fields = msgspec.structs.asdict(footer)
    texts = {name: str(value).encode() for name, value in fields.items()}
    texts["tally"] = msgspec.json.encode(footer.tally)
    return {OWN_PREFIX + name.encode(): text for name, text in texts.items()}


def footer_bytes(end: bytes) -> int:
    """Return the size of the footer at a Parquet file's end; 0 for another file's end."""
    if len(end) < _TAIL.size:
        return 0
    length, magic = _TAIL.unpack(end[-_TAIL.size :])
    return int(length) + _TAIL.size if magic == _MAGIC else 0


def read_part_end(
    store: ObjectStore, name: str, *, bytes_max: int = FOOTER_BYTES_MAX
) -> bytes | None:
    """Return the end of a file with its whole footer; None if there is no file.

    A footer that is longer than `bytes_max` is not returned whole, nor that of another kind of file.
    """
    end = store.read_end(name, bytes_max=END_BYTES)
    length = footer_bytes(end or b"")
    if end is not None and len(end) < length <= bytes_max:
        end = store.read_end(name, bytes_max=length)
    return end


def open_part(data: bytes, *, as_dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a part, or the end of one if only its footer is wanted.

    Args:
        as_dictionaries: the columns whose repeated values are kept once.

    Raises:
        One of READING_ERRORS: it is not a part, or its footer is too large.
    """
    length = footer_bytes(data)
    if not _TAIL.size < length <= min(len(data), FOOTER_BYTES_MAX):
        raise TooLarge("its footer is missing, or too long")
    # The footer is walked before pyarrow sees it, because pyarrow allocates what a damaged one states.
    CompactReader(data[-length : -_TAIL.size], structs_max=STRUCTS_MAX).read_struct()
    return pq.ParquetFile(
        pa.BufferReader(data),
        pre_buffer=False,
        read_dictionary=list(as_dictionaries),
        thrift_string_size_limit=FOOTER_BYTES_MAX,
        thrift_container_size_limit=STRUCTS_MAX,
    )


def read_footer(file: pq.ParquetFile) -> PartFooter:
    """Return a part's own metadata.

    Raises:
        One of READING_ERRORS: it is not what a run writes.
    """
    found: dict[bytes, bytes] = file.metadata.metadata or {}
    fields: dict[str, Any] = {
        name: found[OWN_PREFIX + name.encode()] for name in PartFooter.__struct_fields__
    }
    fields = {name: value.decode() for name, value in fields.items()}
    fields["tally"] = msgspec.json.decode(fields["tally"], type=Tally)
    return msgspec.convert(fields, PartFooter, strict=False)
