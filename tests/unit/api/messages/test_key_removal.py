"""No spelling of the key passes, and no other word is lost."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from airflow_provider_aimlapi.api.messages.key_removal import ERROR_BYTES_MAX, KeyRemoval

KEY = 'sk-"AbC123/def456+ghi789'
REMOVAL = KeyRemoval(KEY)
ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
SPELLINGS = {
    "plain": KEY,
    "JSON": json.dumps(KEY)[1:-1],
    "escapes": ESCAPED,
}
ERROR_SPELLINGS = {
    "upper case": KEY.upper(),
    "backwards": KEY[::-1],
    "spaced out": " ".join(KEY),
    "URL": quote(KEY, safe=""),
    "hexadecimal": KEY.encode().hex(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 after a prefix": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "a part": KEY[2:14],
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_key_is_removed_from_any_answer(spelling: str) -> None:
    assert REMOVAL.remove_key(f"before {spelling} after".encode()) == b"before [key] after"


@pytest.mark.parametrize("spelling", ERROR_SPELLINGS.values(), ids=ERROR_SPELLINGS)
def test_spelling_of_the_key_is_removed_from_errors(spelling: str) -> None:
    cleaned = REMOVAL.clean_error(f"before: {spelling} :after".encode())
    assert b"[key]" in cleaned
    assert b"123" not in cleaned.lower() or b"456" not in cleaned.lower()
    assert cleaned.startswith(b"before: ")
    assert cleaned.endswith(b" :after")


@pytest.mark.parametrize("text", [b"", b"no key here", b"sk-", b"\xff\\u00"])
def test_other_text_stays_unchanged(text: bytes) -> None:
    assert REMOVAL.remove_key(text) == text
    assert REMOVAL.clean_error(text) == text


def test_short_key_is_left_in_place() -> None:
    assert KeyRemoval("abc").remove_key(b"abc of tokens") == b"abc of tokens"


def test_long_error_loses_the_plain_key_only() -> None:
    text = b"x" * ERROR_BYTES_MAX + KEY.encode() + KEY[::-1].encode()
    cleaned = REMOVAL.clean_error(text)
    assert KEY.encode() not in cleaned
    assert KEY[::-1].encode() in cleaned
