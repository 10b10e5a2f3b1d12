"""Files of the classes that apache/parquet-testing has, made here: sound, odd, encrypted, damaged."""

from __future__ import annotations

import base64
import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq
from pyarrow.parquet import encryption

from tests.fakes.footers import (
    annotated,
    decimal_of,
    edited,
    element,
    int96,
    int96_array,
    int96_file,
    logical,
    time_of,
    variant,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.storage.parquet.compact_thrift import Struct

ROWS = 200
WORDS = pa.array([None if n % 7 == 0 else f"word {n % 11}" for n in range(ROWS)])
BYTES = WORDS.cast(pa.binary())
NUMBERS = pa.array([None if n % 5 == 0 else n for n in range(ROWS)])
FLOATS = pa.array([float("nan") if n % 9 == 0 else n / 7 for n in range(ROWS)])
PLAIN = pa.table({"word": WORDS, "number": NUMBERS, "float": FLOATS})
NESTED = pa.table(
    {
        "list": [None if n % 6 == 0 else list(range(n % 4)) for n in range(ROWS)],
        "lists": [[[str(n)], None, []] for n in range(ROWS)],
        "map": pa.array(
            [[("k", n), ("l", None)] for n in range(ROWS)], pa.map_(pa.string(), pa.int64())
        ),
        "struct": [None if n % 6 == 0 else {"a": n, "b": {"c": str(n)}} for n in range(ROWS)],
    }
)
DECIMALS = pa.table({"d": pa.array([Decimal(n) for n in range(ROWS)], pa.decimal128(20, 2))})
FIXED = pa.array([n.to_bytes(12, "little") for n in range(ROWS)], pa.binary(12))
SHREDDED = pa.array([{"metadata": b"\x01\x00\x00", "value": b"\x00"}] * ROWS)
MOMENTS = [datetime(9999, 12, 31) - timedelta(days=n * 18000) for n in range(ROWS)]  # noqa: DTZ001  naive
INT96 = int96_array(
    [int96(2_440_588 + (at - datetime(1970, 1, 1)).days, 0) for at in MOMENTS]  # noqa: DTZ001
)


class KeysInMemory(encryption.KmsClient):  # type: ignore[misc]
    """A key management that keeps nothing secret."""

    def __init__(self, _: encryption.KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        """The key as text."""
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        """The key again."""
        return base64.b64decode(wrapped_key)


def encrypted(table: pa.Table, columns: list[str], **how: Any) -> bytes:
    """A file with encrypted columns, behind a footer that is plain or not."""
    factory = encryption.CryptoFactory(KeysInMemory)
    configuration = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": columns}, **how
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), configuration)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table, row_group_size=ROWS // 2)
    return sink.getvalue()


def damaged(place: float, **options: Any) -> bytes:
    """A file with checksums, and a byte of its pages changed."""
    plain = {"use_dictionary": False, "compression": "none", "write_page_checksum": True}
    data = bytearray(written(PLAIN, **{**plain, **options}))
    footer = int.from_bytes(data[-8:-4], "little")
    data[4 + int(place * (len(data) - footer - 12))] ^= 0x40
    return bytes(data)


def renamed(data: bytes, **names: str) -> bytes:
    """A file whose schema has other names for groups: the forms that lists and maps once had."""

    def rename(fields: Struct) -> None:
        for old, new in names.items():
            for one in fields[2][1][1]:
                if one[4][1] == old.encode():
                    one[4] = (8, new.encode())

    return edited(data, rename)


def with_field(data: bytes, name: str, field: int, value: Any) -> bytes:
    """A file of which one element of the schema has another value in a field."""
    return edited(data, lambda fields: element(fields, name).update({field: value}))


def claiming_rows(rows: int) -> bytes:
    """A file whose footer says that it has other rows than its pages hold."""

    def claim(fields: Struct) -> None:
        fields[3] = (6, rows)
        fields[4][1][1][0][3] = (6, rows)

    return edited(written(PLAIN), claim)


def _of(name: str, array: pa.Array, **words: Any) -> Callable[[], bytes]:
    return lambda: annotated(pa.table({"n": NUMBERS, name: array}), name, **words)


SOUND: dict[str, Callable[[], bytes]] = {
    "plain": lambda: written(PLAIN, use_dictionary=False),
    "dictionary": lambda: written(PLAIN),
    **{
        f"{codec}-codec": lambda codec=codec: written(PLAIN, compression=codec)  # type: ignore[misc]
        for codec in ("snappy", "gzip", "brotli", "lz4", "zstd")
    },
    "page-v2": lambda: written(PLAIN, data_page_version="2.0"),
    "checksums": lambda: written(PLAIN, write_page_checksum=True),
    "tiny-pages": lambda: written(PLAIN, data_page_size=64, write_batch_size=7),
    "page-index": lambda: written(PLAIN, write_page_index=True),
    "row-groups": lambda: written(PLAIN, row_group_size=17),
    "no-rows": lambda: written(PLAIN.slice(0, 0)),
    "all-null": lambda: written(pa.table({"x": pa.nulls(ROWS, pa.string()), "n": pa.nulls(ROWS)})),
    "delta-binary": lambda: written(
        PLAIN.select(["number"]),
        use_dictionary=False,
        column_encoding={"number": "DELTA_BINARY_PACKED"},
    ),
    "delta-bytes": lambda: written(
        PLAIN.select(["word"]), use_dictionary=False, column_encoding={"word": "DELTA_BYTE_ARRAY"}
    ),
    "delta-lengths": lambda: written(
        PLAIN.select(["word"]),
        use_dictionary=False,
        column_encoding={"word": "DELTA_LENGTH_BYTE_ARRAY"},
    ),
    "byte-stream-split": lambda: written(
        PLAIN.select(["float"]), use_dictionary=False, use_byte_stream_split=True
    ),
    "nested": lambda: written(NESTED),
    "legacy-lists": lambda: renamed(written(NESTED), list="bag", element="array_element"),
    "legacy-maps": lambda: renamed(written(NESTED), key_value="map"),
    "decimals": lambda: written(DECIMALS),
    "decimals-as-integers": lambda: written(
        pa.table({"d": DECIMALS["d"].cast(pa.decimal128(9, 2))}), store_decimal_as_integer=True
    ),
    "decimal-bytes": _of("d", BYTES, converted=5, logical=decimal_of(38, 2)),
    "float16": lambda: written(pa.table({"h": FLOATS.cast(pa.float16(), safe=False)})),
    "fixed": lambda: written(pa.table({"fixed": FIXED})),
    "int96": lambda: int96_file({"at": INT96}),
    "int96-in-lists": lambda: int96_file(
        {"at": pa.array([[one] for one in INT96.to_pylist()]).cast(pa.list_(pa.binary(12)))}
    ),
    "enum": _of("x", BYTES, converted=4, logical=logical(4)),
    "json": _of("x", pa.array([b'{"a": 1}'] * ROWS), converted=19, logical=logical(12)),
    "bson": _of("x", BYTES, logical=logical(13)),
    "uuid": _of("x", pa.array([bytes(16)] * ROWS, pa.binary(16)), logical=logical(14)),
    "interval": _of("x", FIXED, converted=21),
    "variant": _of("x", SHREDDED, logical=variant()),
    "geometry": _of(
        "x", pa.array([bytes.fromhex("0101000000" + "00" * 16)] * ROWS), logical=logical(17)
    ),
    "unknown-logical-type": _of("x", BYTES, logical=logical(99)),
    "time-in-utc": _of("x", NUMBERS, converted=8, logical=time_of(7, 2, is_utc=True)),
    "converted-types-alone": _of("x", NUMBERS, converted=9),
    "unsigned": _of("x", pa.array(range(ROWS), pa.int32()), converted=13),
}

BROKEN: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"no Parquet at all, but long enough for a footer",
    "magic-alone": lambda: b"PAR1PAR1",
    "cut-at-the-end": lambda: written(PLAIN)[:-1],
    "cut-in-the-middle": lambda: written(PLAIN)[:-200],
    "footer-too-long": lambda: written(PLAIN)[:-8] + b"\xff\xff\xff\x7fPAR1",
    "footer-of-zeros": lambda: written(PLAIN)[:-100] + bytes(92) + written(PLAIN)[-8:],
    "encrypted-columns": lambda: encrypted(PLAIN, ["number"], plaintext_footer=True),
    "encrypted-all-columns": lambda: encrypted(
        PLAIN, ["word", "number", "float"], plaintext_footer=True
    ),
    "encrypted-ctr": lambda: encrypted(
        PLAIN, ["word"], plaintext_footer=True, encryption_algorithm="AES_GCM_CTR_V1"
    ),
    "encrypted-footer": lambda: encrypted(PLAIN, ["number"]),
    "damaged-page": lambda: damaged(0.5),
    "damaged-first-page": lambda: damaged(0.01),
    "damaged-last-page": lambda: damaged(0.99),
    "damaged-compressed-page": lambda: damaged(0.5, compression="zstd"),
    "more-rows-than-pages": lambda: claiming_rows(ROWS + 50),
    "unknown-physical-type": lambda: with_field(written(PLAIN), "number", 1, (5, 77)),
    "other-physical-type": lambda: with_field(written(PLAIN), "number", 1, (5, 6)),
    "map-with-optional-keys": lambda: with_field(written(NESTED), "key", 3, (5, 1)),
    "decimal-without-end": _of("x", BYTES, converted=5, logical=decimal_of(90, 2)),
}
