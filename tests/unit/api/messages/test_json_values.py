"""JSON that is small on the wire and large in memory, and numbers that no column could sum."""

from __future__ import annotations

import json
import time

import pytest

from airflow_provider_aimlapi.api.messages.json_values import VALUES_MAX, Unreadable, decode_json

FEW = VALUES_MAX - 10
MANY = VALUES_MAX + 10


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"{}," * MANY + b"1]",
        b"[" + b"1," * MANY + b"1]",
        b"[" * MANY,
        b'{"":' * MANY,
        b'["\\\\",' + b"[]," * MANY + b"1]",
        b'["",' + b'""' * 3 * MANY + b"," * MANY,
        "[" + "{}," * MANY + "1]",
    ],
    ids=["objects", "numbers", "lists", "deep", "after a backslash", "no commas", "text"],
)
def test_too_many_values_are_refused_before_they_are_made(text: bytes | str) -> None:
    with pytest.raises(Unreadable, match="more than 100,000 values"):
        decode_json(text)


def test_as_many_values_as_allowed_are_read() -> None:
    assert decode_json(b"[" + b"1," * FEW + b"1]") == [1] * (FEW + 1)


@pytest.mark.parametrize("said", [",", "[", "{", '",', "\\,", '\\",\\', "é[\n"])
def test_what_stands_in_a_text_is_no_value(said: str) -> None:
    whole = {"text": said * MANY, "next": [1, "a"]}
    for is_ascii in (True, False):
        assert decode_json(json.dumps(whole, ensure_ascii=is_ascii).encode()) == whole


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"\\", b',"\\', b'","'])
def test_counting_takes_no_longer_for_text_that_is_broken(piece: bytes) -> None:
    text = b"[" * MANY + b'"' + piece * (4_000_000 // len(piece))
    started_s = time.process_time()
    with pytest.raises(Unreadable):
        decode_json(text)
    assert time.process_time() - started_s < 10
