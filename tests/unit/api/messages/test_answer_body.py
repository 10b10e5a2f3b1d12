"""Which object of a body is the answer, and when there is none."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.api.messages.answer_body import read_body
from airflow_provider_aimlapi.api.messages.json_values import VALUES_MAX, Unreadable
from tests.unit.api.answers import answer_of, plain

WHOLE = json.dumps(plain()).encode()
ERROR = b'{"error": {"message": "overloaded"}, "meta": {"usage": {"usd_spent": 0.5}}}'


@pytest.mark.parametrize("around", [b")]}'\n%b", b"%b\n// done", b'{"status":"queued"}\n%b'])
def test_the_one_completion_among_other_text_is_the_answer(around: bytes) -> None:
    assert read_body(answer_of(around % WHOLE)) == plain()


def test_the_one_object_among_other_text_is_the_answer() -> None:
    assert read_body(answer_of(b": keep-alive\n\n" + ERROR)) == json.loads(ERROR)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"<html>" + WHOLE, "a web page"),
        (b"[" + WHOLE + b"]", "no JSON object"),
        (b"x" + WHOLE + b" " + WHOLE, "more than one completion"),
        (b"x" + ERROR + ERROR, "not valid JSON"),
        (b"x" + WHOLE[:-1], "not valid JSON"),
        (b"x" + b'{"a": [' + b"1," * VALUES_MAX + b"1]}" + WHOLE, "more than 100,000 values"),
    ],
)
def test_what_could_be_no_answer_or_several_is_none(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_body(answer_of(body))
