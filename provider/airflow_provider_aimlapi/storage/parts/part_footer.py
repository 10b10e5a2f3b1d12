"""What a part says of itself in its footer, read from nothing but bytes, within limits.

A part is a Parquet file that lies where others can write. So its footer is counted before Parquet's own
reader makes objects of it, and a part counts only if its outcome columns are of the types that a run
writes. No other column is looked at.
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
"""A column of a row group takes 7 of them in a footer that we write, and 700 bytes of memory each at
the most: 57,000 such columns fit, in at most 290 MB."""
END_BYTES = 64 * 1024
"""Most footers are shorter."""
_TAIL = struct.Struct("<I4s")
_MAGIC = b"PAR1"

READING_ERRORS = (
    *(pa.ArrowException, OSError, ValueError, KeyError),
    *(OverflowError, RecursionError),
)
"""What damaged Parquet makes pyarrow raise. msgspec's and Unicode's errors are ValueErrors."""


class PartFooter(msgspec.Struct, frozen=True, kw_only=True):
    """What `part_writer.encode_part` says of a part beside its columns.

    Attributes:
        run_key, part, epoch: whose part it is, its number, and the attempt that wrote it.
        rows, tally: of its outcomes.
        sha256: hex, of all bytes before the footer. body_bytes: how many those are.
    """

    run_key: RunKey
    part: PartNumber
    epoch: Epoch
    rows: ShardRows
    tally: Tally
    sha256: Sha256Hex
    body_bytes: Annotated[int, msgspec.Meta(ge=4, le=PART_BYTES_MAX)]


def footer_metadata(footer: PartFooter) -> dict[bytes, bytes]:
    """The footer as key and value metadata of a Parquet file."""
    fields = msgspec.structs.asdict(footer)
    texts = {name: str(value).encode() for name, value in fields.items()}
    texts["tally"] = msgspec.json.encode(footer.tally)
    return {OWN_PREFIX + name.encode(): text for name, text in texts.items()}


def footer_bytes(end: bytes) -> int:
    """How many bytes at the end of a Parquet file are its footer; 0 for another file's end."""
    if len(end) < _TAIL.size:
        return 0
    length, magic = _TAIL.unpack(end[-_TAIL.size :])
    return int(length) + _TAIL.size if magic == _MAGIC else 0


def read_part_end(
    store: ObjectStore, name: str, *, bytes_max: int = FOOTER_BYTES_MAX
) -> bytes | None:
    """Return the end of a file with all of its footer; None where there is no file.

    Less than the footer is returned where it is longer than `bytes_max`, and for what is no part.
    """
    end = store.read_end(name, bytes_max=END_BYTES)
    length = footer_bytes(end or b"")
    if end is not None and len(end) < length <= bytes_max:
        end = store.read_end(name, bytes_max=length)
    return end


def open_part(data: bytes, *, as_dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a part, or the end of one if only its footer is wanted.

    Args:
        as_dictionaries: columns whose repeated values are to be kept once.

    Raises:
        One of READING_ERRORS: it is no part, or its footer is too large.
    """
    length = footer_bytes(data)
    if not _TAIL.size < length <= min(len(data), FOOTER_BYTES_MAX):
        raise TooLarge("its footer is missing, or too long")
    CompactReader(data[-length : -_TAIL.size], structs_max=STRUCTS_MAX).read_struct()
    return pq.ParquetFile(
        pa.BufferReader(data),
        pre_buffer=False,
        read_dictionary=list(as_dictionaries),
        thrift_string_size_limit=FOOTER_BYTES_MAX,
        thrift_container_size_limit=STRUCTS_MAX,
    )


def read_footer(file: pq.ParquetFile) -> PartFooter:
    """What a part says of itself.

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
