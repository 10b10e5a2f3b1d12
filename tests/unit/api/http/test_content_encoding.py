"""Encodings undone within their limit."""

from __future__ import annotations

import gzip
import zlib

import pytest

from airflow_provider_aimlapi.api.http.content_encoding import decode_content
from airflow_provider_aimlapi.api.messages.json_values import Unreadable

PLAIN = b'{"text": "' + b"words " * 100 + b'"}'


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


ENCODED = [
    (PLAIN, ""),
    (PLAIN, "identity"),
    (PLAIN, "gzip"),
    (gzip.compress(PLAIN, mtime=0), ""),
    (gzip.compress(PLAIN, mtime=0), "gzip"),
    (gzip.compress(PLAIN, mtime=0), "x-gzip"),
    (gzip.compress(PLAIN, mtime=0) + b"\0\0\0", "gzip"),
    (zlib.compress(PLAIN), "deflate"),
    (zlib.compress(PLAIN, level=9), "deflate"),
    (raw_deflate(PLAIN), "deflate"),
]


@pytest.mark.parametrize(("body", "encoding"), ENCODED)
def test_known_encodings_are_undone_up_to_the_limit(body: bytes, encoding: str) -> None:
    assert decode_content(body, encoding, bytes_max=len(PLAIN)) == PLAIN


@pytest.mark.parametrize(("body", "encoding"), ENCODED)
def test_one_byte_more_than_the_limit_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(Unreadable, match="larger than"):
        decode_content(body, encoding, bytes_max=len(PLAIN) - 1)


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (gzip.compress(PLAIN, mtime=0)[:-9], "gzip", "cut off"),
        (zlib.compress(PLAIN)[:10], "deflate", "cut off"),
        (b"", "gzip", "cut off"),
        (b"", "deflate", "cut off"),
        (b"x", "deflate", "corrupt|cut off"),
        (gzip.compress(PLAIN, mtime=0)[:9] + b"\xff" * 99, "gzip", "corrupt"),
        (gzip.compress(PLAIN, mtime=0)[:-9], "", "cut off"),
        (b"\xff" * 100, "deflate", "corrupt"),
        (gzip.compress(PLAIN, mtime=0) * 2, "gzip", "several pieces"),
        (PLAIN, "br", "encoding br was not requested"),
        (PLAIN, "gzip, gzip", "was not requested"),
    ],
)
def test_what_cannot_be_undone_is_unreadable(body: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode_content(body, encoding, bytes_max=1_000_000)
