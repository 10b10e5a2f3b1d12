"""Decodes a content encoding within a limit, because a megabyte can expand to a gigabyte. Pure."""

from __future__ import annotations

import zlib

from airflow_provider_aimlapi.api.messages.json_values import Unreadable

_GZIP_WBITS = 31
_ZLIB_WBITS = 15
_RAW_DEFLATE_WBITS = -15
_KNOWN = frozenset({"br", "compress", "zstd"})
_GZIP_MAGIC = b"\x1f\x8b"


def decode_content(body: bytes, encoding: str, *, bytes_max: int) -> bytes:
    """Return the body without its content encoding. Stops inflating at the limit.

    Args:
        body: as received.
        encoding: the Content-Encoding header, in lower case; "" when absent.
        bytes_max: most bytes that the result may have.

    Raises:
        Unreadable: corrupt, cut off, larger than the limit, or encoded in a way that was not
            requested and is not supported here.
    """
    # A gateway may drop the header, or leave "gzip" on a body that it has decoded. No answer begins
    # with the magic bytes by chance.
    if encoding in {"", "identity", "gzip", "x-gzip"}:
        is_gzip = body.startswith(_GZIP_MAGIC) or (encoding.endswith("gzip") and not body)
        return _inflate_gzip(body, bytes_max) if is_gzip else _within_limit(body, bytes_max)
    if encoding == "deflate":
        wbits = _ZLIB_WBITS if _has_zlib_header(body) else _RAW_DEFLATE_WBITS
        return _inflate_within(body, wbits, bytes_max)[0]
    named = f" {encoding}" if encoding in _KNOWN else ""
    raise Unreadable(f"its content encoding{named} was not requested")


def _inflate_gzip(body: bytes, bytes_max: int) -> bytes:
    """Inflate a gzip file of one member. Many small members would take a minute of CPU to join."""
    whole, rest = _inflate_within(body, _GZIP_WBITS, bytes_max)
    if rest.startswith(_GZIP_MAGIC):
        raise Unreadable("it is compressed in several pieces")
    return whole


def _inflate_within(body: bytes, wbits: int, bytes_max: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(wbits)
    try:
        # One byte more shows that it is too large, without inflating the rest.
        whole = inflater.decompress(body, bytes_max + 1)
    except zlib.error:
        raise Unreadable("its compression is corrupt") from None
    _within_limit(whole, bytes_max)
    if not inflater.eof:
        raise Unreadable("its compressed body was cut off")
    return whole, inflater.unused_data


def _within_limit(body: bytes, bytes_max: int) -> bytes:
    if len(body) > bytes_max:
        raise Unreadable(f"it is larger than {bytes_max:,} bytes")
    return body


def _has_zlib_header(body: bytes) -> bool:
    """Return whether a body starts as RFC 1950 says: method 8 and a checksum. Servers send either kind."""
    return len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and (body[0] * 256 + body[1]) % 31 == 0
