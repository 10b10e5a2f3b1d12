"""A Parquet footer's bytes: finds encryption and codecs, and copies annotations that pyarrow cannot write.

pyarrow reads a column that is annotated as ENUM, INTERVAL or GEOMETRY as plain bytes, and writes
plain bytes. The values stay the same, so only the annotation is copied from footer to footer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.parquet.compact_thrift import (
    I32,
    Struct,
    ThriftReader,
    encode_struct,
)
from airflow_provider_aimlapi.storage.parquet.schema import (
    FIXED_LEN_BYTE_ARRAY,
    INT96,
    TYPE,
    TYPE_LENGTH,
    Leaf,
    Logical,
    ParquetSchema,
    copy_annotation,
    is_variant,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
TAIL_BYTES = 8
"""The footer's length in four bytes, and the magic."""

_SCHEMA, _ROW_GROUPS = 2, 4
_COLUMNS = 1
_CHUNK_METADATA, _CHUNK_CRYPTO = 3, 8
_CHUNK_TYPE, _CHUNK_PATH, _CHUNK_CODEC, _CHUNK_NOTES, _STATISTICS = 1, 3, 4, 8, 12
INT96_BYTES = 12
COLUMNS_SHOWN_MAX = 12
KNOWN_MAX = 16
"""The schemas that are searched for in the next file's footer."""
_NO_KEYS = "It cannot be read without its keys."
_HEADER = rb"[\x1c\x2c\x3c\x4c\x5c\x6c\x7c\x8c]"
_PERHAPS_CRYPTO = tuple(
    re.compile(rb"%b(?:(?<=%b%b)|(?<=\x0c\x10%b))" % (first, _HEADER, first, first))
    for first in (rb"\x1c\x00\x00", rb"\x2c\x19", rb"\x0c\x02", rb"\x0c\x04")
)
"""The bytes after the header of a chunk's crypto metadata, field 8, in its short or long form: field 1,
which is empty, or field 2, which begins with a list, or either in long form. Each begins with fixed
bytes, which are found ten times as fast as the header."""
_CODECS_READ = frozenset({0, 1, 2, 4, 5, 6, 7})
"""None, Snappy, gzip, Brotli, both forms of LZ4, Zstandard. The format also has LZO, which is 3."""
_PERHAPS_CODEC = re.compile(
    rb"\x15(?:[^%b\x80-\xff]|[\x80-\xff]+[\x00-\x7f])\x16[\x80-\xff]*[\x00-\x7f]\x16"
    % bytes(2 * codec for codec in sorted(_CODECS_READ))
)
"""A chunk's codec, field 4, with another number, before the two counts that follow it."""
_WITHOUT_ORDER = frozenset({Logical.INTERVAL, Logical.VARIANT, Logical.GEOMETRY, Logical.GEOGRAPHY})


def read_footer_bytes(source: Any, uri: str) -> bytes:
    """Return the footer of an open file, without length and magic.

    Raises:
        InputUnreadable: the file is encrypted.
        ValueError: it is not a Parquet file.
    """
    size = source.seek(0, 2)
    source.seek(max(0, size - TAIL_BYTES))
    tail = source.read(TAIL_BYTES)
    if tail.endswith(ENCRYPTED_MAGIC):
        raise InputUnreadable(
            f"Use a decrypted copy as input_path: {uri} is encrypted, its footer too. {_NO_KEYS}"
        )
    if not tail.endswith(MAGIC):
        raise ValueError(f"it does not end with {MAGIC.decode()}, as Parquet files do")
    length = footer_length(tail)
    source.seek(max(0, size - TAIL_BYTES - length))
    return bytes(source.read(min(length, size - TAIL_BYTES)))


def footer_length(tail: bytes) -> int:
    """Return the length of a file's footer, from the file's last bytes."""
    return int.from_bytes(tail[-TAIL_BYTES : -len(MAGIC)], "little")


class SchemaParser:
    """Parses schemas. One that many files share is parsed once. Safe to use from threads."""

    def __init__(self) -> None:
        self._known: list[tuple[bytes, ParquetSchema]] = []

    def parse_schema(self, footer: bytes, uri: str) -> ParquetSchema:
        """Return the schema of a file's footer.

        Raises:
            InputUnreadable: the footer states that columns are encrypted, or in an unknown codec.
            ValueError: it is damaged.
        """
        for head, schema in reversed(self._known):  # each footer begins with its schema
            if footer.startswith(head):
                _check_readable(footer, len(head), uri)
                return schema
        reader = ThriftReader(footer)
        try:
            elements = reader.read_struct(until=_SCHEMA)[_SCHEMA][1][1]
            _check_readable(footer, reader.offset, uri)
            schema = ParquetSchema(elements, _noted_columns(ThriftReader(footer).read_struct()))
        except (LookupError, TypeError, AttributeError):  # fields are missing, or of other types
            raise ValueError("its footer does not have the form of Parquet's") from None
        self._known = [*self._known[1 - KNOWN_MAX :], (footer[: reader.offset], schema)]
        return schema


def _noted_columns(fields: Struct) -> tuple[str, ...]:
    """Return the columns whose chunks have metadata of their own, by the first row group.

    pyarrow could find them, too, but ends the process at a chunk with damaged statistics.
    """
    groups = fields[_ROW_GROUPS][1][1]
    chunks = (chunk[_CHUNK_METADATA][1] for chunk in (groups[0][_COLUMNS][1][1] if groups else ()))
    paths = (chunk[_CHUNK_PATH][1][1] for chunk in chunks if _CHUNK_NOTES in chunk)
    return tuple(b".".join(path).decode(errors="replace") for path in paths)


def _check_readable(footer: bytes, offset: int, uri: str) -> None:
    """Refuse columns that are encrypted, or in a codec that Arrow does not have.

    Encrypted columns behind a plain footer would make pyarrow end the process.

    Args:
        offset: where the row groups may begin. Parsing all of them takes long. So first the bytes are
            searched for what looks like the start of a column chunk's crypto metadata, or its codec.
    """
    if any(pattern.search(footer, offset) for pattern in _PERHAPS_CRYPTO):
        names = _columns_with(footer, lambda chunk: _CHUNK_CRYPTO in chunk)
        if names:
            raise InputUnreadable(
                f"Use a decrypted copy as input_path, or one without these columns: {uri} has encrypted "
                f"columns: {_listed(names)}. {_NO_KEYS}"
            )
    if _PERHAPS_CODEC.search(footer, offset):
        names = _columns_with(footer, _has_unknown_codec)
        if names:
            raise InputUnreadable(
                f"Use a copy in Zstandard or Snappy as input_path, or one without these columns: {uri} "
                f"has columns in a codec that Arrow does not read, such as LZO: {_listed(names)}."
            )


def _has_unknown_codec(chunk: Struct) -> bool:
    return chunk[_CHUNK_METADATA][1][_CHUNK_CODEC][1] not in _CODECS_READ


def _columns_with(footer: bytes, holds: Callable[[Struct], bool]) -> tuple[str, ...]:
    """Return the top-level columns with a chunk for which something holds."""
    fields = ThriftReader(footer).read_struct()
    leaves = ParquetSchema(fields[_SCHEMA][1][1]).leaves
    found = {
        leaf.path[0]: None
        for group in fields[_ROW_GROUPS][1][1]
        for leaf, chunk in zip(leaves, group[_COLUMNS][1][1], strict=True)
        if holds(chunk)
    }
    return tuple(found)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:COLUMNS_SHOWN_MAX])
    return f"{shown}, …" if len(names) > COLUMNS_SHOWN_MAX else shown


def int96_as_bytes(data: bytes) -> bytes:
    """Return a file that is only a footer, with INT96 columns changed to bytes of their length."""
    start, fields = _footer_of(data)
    for element in fields[_SCHEMA][1][1]:
        if element.get(TYPE) == (I32, INT96):
            element |= {TYPE: (I32, FIXED_LEN_BYTE_ARRAY), TYPE_LENGTH: (I32, INT96_BYTES)}
    elements: list[Struct] = fields[_SCHEMA][1][1]
    elements[:] = [dict(sorted(element.items())) for element in elements]
    for group in fields[_ROW_GROUPS][1][1]:
        for chunk in group[_COLUMNS][1][1]:
            metadata = chunk[_CHUNK_METADATA][1]
            if metadata[_CHUNK_TYPE] == (I32, INT96):
                metadata[_CHUNK_TYPE] = (I32, FIXED_LEN_BYTE_ARRAY)
                metadata.pop(_STATISTICS, None)
    return _with_footer(data[:start], fields)


def _footer_of(data: bytes) -> tuple[int, Struct]:
    """Return the start of a file's footer, and its fields."""
    end = len(data) - TAIL_BYTES
    start = end - footer_length(data)
    return start, ThriftReader(data[start:end]).read_struct()


def _with_footer(pages: bytes, fields: Struct) -> bytes:
    footer = encode_struct(fields)
    return pages + footer + len(footer).to_bytes(len(MAGIC), "little") + MAGIC


def with_annotations(part: bytes, source: ParquetSchema) -> bytes:
    """Return a file's bytes, with the annotations of another file's schema for equal columns."""
    start, fields = _footer_of(part)
    elements: list[Struct] = fields[_SCHEMA][1][1]
    leaves = ParquetSchema(elements).leaves
    pairs = list(_same_leaves(source, leaves))
    # By identity, because two elements may be equal: the items of two lists, for one.
    changed = dict(_changed_elements(pairs))
    if not changed:
        return part
    elements[:] = [changed.get(id(element), element) for element in elements]
    # pyarrow wrote statistics by the order of plain bytes, which is not that of the annotated type.
    unordered = {
        id(theirs) for ours, theirs in pairs if ours.logical_type in _WITHOUT_ORDER or ours.is_newer
    }
    for group in fields[_ROW_GROUPS][1][1]:
        for leaf, chunk in zip(leaves, group[_COLUMNS][1][1], strict=True):
            if id(leaf) in unordered:
                chunk[_CHUNK_METADATA][1].pop(_STATISTICS, None)
    return _with_footer(part[:start], fields)


def _same_leaves(source: ParquetSchema, leaves: tuple[Leaf, ...]) -> Iterator[tuple[Leaf, Leaf]]:
    """Yield leaves that hold the same values, by their position within their column."""
    ours = source.by_column()
    theirs: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        theirs.setdefault(leaf.path[0], []).append(leaf)
    for name, column in theirs.items():
        if len(ours.get(name, ())) == len(column):
            for one, other in zip(ours[name], column, strict=True):
                if one.representation_key() == other.representation_key():
                    yield one, other


def _changed_elements(pairs: list[tuple[Leaf, Leaf]]) -> Iterator[tuple[int, Struct]]:
    """Yield the elements of the second leaves, by identity, with the annotations of the first."""
    for ours, theirs in pairs:
        elements = [(ours.element, theirs.element)]
        if is_variant(ours.group) and ours.path[-1] == theirs.path[-1]:
            elements.append((ours.group, theirs.group))
        for one, other in elements:
            annotated = copy_annotation(one, other)
            if annotated != other:
                yield id(other), annotated
