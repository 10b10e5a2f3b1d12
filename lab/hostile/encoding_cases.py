"""Bodies with an unrequested content encoding, including bombs."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from lab.hostile.body_cases import body, case, with_padding

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.hostile.hostile_server import Exchange

MIB = 1024 * 1024
BOMB_MIB = 1_100
LARGER = "larger than 4,194,304 bytes"
CORRUPT = "its compression is corrupt"


def bomb(wbits: int) -> bytes:
    """About a megabyte that unpacks to more than a thousand."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits)
    zeros = bytes(MIB)
    first = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    again = compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH)
    return first + again * BOMB_MIB + compressor.flush()


def zipped(padding: bytes) -> Callable[[Exchange], bytes]:
    """Compress the right answer with a long padding, which shrinks to little."""
    return lambda exchange: gzip.compress(with_padding(exchange, padding), compresslevel=1)


OBJECTS = b"[" + b"{}," * 1_300_000 + b"1]"
WIDE_TEXT = '"👩'.encode() + b"x" * 12 * MIB + b'"'
"""One such character makes Python use four bytes for every character of the text."""
GZIP_BOMB = bomb(31)
DEFLATE_BOMB = bomb(15)
RAW_DEFLATE_BOMB = bomb(-15)
NESTED_BOMB = gzip.compress(GZIP_BOMB)
GZIP = "Content-Encoding: gzip"

CASES = (
    case("gzip bomb", body(lambda _: GZIP_BOMB, GZIP), LARGER),
    case("deflate bomb", body(lambda _: DEFLATE_BOMB, "Content-Encoding: deflate"), LARGER),
    case("raw deflate bomb", body(lambda _: RAW_DEFLATE_BOMB, "Content-Encoding: deflate"), LARGER),
    case(
        "bomb in a bomb",
        body(lambda _: NESTED_BOMB, "Content-Encoding: gzip, gzip"),
        "its content encoding was not requested",
    ),
    case("bomb in a bomb that names one", body(lambda _: NESTED_BOMB, GZIP), "not valid JSON"),
    case("bomb in an error", body(lambda _: GZIP_BOMB, GZIP, status="500 Boom"), LARGER),
    case(
        "bomb in an event stream",
        body(lambda _: GZIP_BOMB, GZIP, "Content-Type: text/event-stream"),
        LARGER,
    ),
    case("bomb of objects", body(zipped(OBJECTS), GZIP), "more than 100,000 values"),
    case("bomb of one wide text", body(zipped(WIDE_TEXT), GZIP), LARGER),
    case(
        "gzip in a thousand pieces",
        body(lambda x: gzip.compress(x.json()) + gzip.compress(b"") * 1_000, GZIP),
        "in several pieces",
    ),
    case("gzip cut off", body(lambda x: gzip.compress(x.json())[:-20], GZIP), "cut off"),
    case(
        "gzip with a wrong checksum",
        body(lambda x: gzip.compress(x.json())[:-8] + bytes(8), GZIP),
        CORRUPT,
    ),
    case("gzip that is none", body(lambda x: x.json(), GZIP)),
    case("gzip that is deflate", body(lambda x: zlib.compress(x.json()), GZIP), "not valid JSON"),
    case("gzip that nobody named", body(lambda x: gzip.compress(x.json()))),
    case("gzip", body(lambda x: gzip.compress(x.json()), GZIP)),
    case("deflate", body(lambda x: zlib.compress(x.json()), "Content-Encoding: deflate")),
    case(
        "brotli",
        body(lambda _: b"\x0b\x02\x80{}\x03", "Content-Encoding: br"),
        "encoding br was not requested",
    ),
    case(
        "zstd",
        body(lambda _: b"\x28\xb5\x2f\xfd\x04\x00\x01", "Content-Encoding: zstd"),
        "encoding zstd was not requested",
    ),
    case(
        "encoding that nobody knows",
        body(lambda x: x.json(), "Content-Encoding: x-" + "y" * 500),
        "was not",
    ),
    case("encoding of control characters", body(lambda x: x.json(), "Content-Encoding: \t"), ""),
)
