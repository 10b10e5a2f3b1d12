"""The second reading: what it keeps, what it replaces, and where it stops."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.messages.damaged_json import (
    FALSE_STARTS_MAX,
    decode_damaged,
    objects_in,
    sound_text,
    strict_text,
    utf8_of,
    whole_text,
)


@given(st.text())
def test_a_sound_text_stays_as_it_is(text: str) -> None:
    for is_ascii in (True, False):
        written = json.dumps({"a": text}, ensure_ascii=is_ascii)
        assert sound_text(written) == sound_text(written.encode()) == written
        assert strict_text(written) == written
        assert decode_damaged(written) == {"a": text}


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_every_text_can_be_encoded_afterwards(text: str) -> None:
    written = json.dumps(text)  # halves as escapes
    for read in (whole_text(text), decode_damaged(written)):
        assert isinstance(read, str)
        read.encode()
        assert len(read) <= len(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000])
def test_a_number_that_is_none_becomes_null(number: str) -> None:
    assert decode_damaged(f'{{"a": {number}, "b": 1.5, "c": 12}}') == {"a": None, "b": 1.5, "c": 12}


def test_halves_are_kept_for_the_next_piece() -> None:
    first = decode_damaged('"a\\ud83d"', keep_halves=True)
    second = decode_damaged('"\\ude00b"', keep_halves=True)
    assert whole_text(f"{first}{second}") == "a\U0001f600b"
    assert whole_text(f"{first}") == "a\ufffd"


def test_a_search_ends_after_a_few_false_starts() -> None:
    assert list(objects_in("{" * (FALSE_STARTS_MAX - 1) + '{"a":1}')) == [{"a": 1}]
    assert list(objects_in("{" * FALSE_STARTS_MAX + '{"a":1}')) == []


def test_objects_are_found_in_order_and_never_nested() -> None:
    text = 'x {"a": {"b": "}"}} y{"c":\n1}{'
    assert list(objects_in(text)) == [{"a": {"b": "}"}}, {"c": 1}]


@given(st.binary(max_size=20))
def test_any_bytes_have_a_form_in_utf8(body: bytes) -> None:
    utf8_of(body).decode(errors="replace")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_object_is_brought_into_utf8(encoding: str) -> None:
    whole = '{"a": "é 👩"}'
    assert utf8_of(whole.encode(encoding)).removeprefix(b"\xef\xbb\xbf") == whole.encode()
