"""What may be quoted of an API's words tells what is wrong, and nothing of a row."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes, quote_permitted_words

MODEL = "anthropic/claude-sonnet-4-6-20260218"


def body_of(text: str) -> bytes:
    message = {"role": "user", "content": text}
    body = {"max_tokens": 256, "model": MODEL, "messages": [message]}
    return json.dumps(body, ensure_ascii=False).encode()


ROW = body_of(
    "Summarise in two sentences:\n\nTicket 7. The printer on floor 3 is on fire: 0171 47110."
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            f"max_tokens: 100000 > 64000, which is the maximum allowed number for {MODEL}",
            f"max_tokens: 100000 > 64000, which … maximum allowed number for {MODEL}",
        ),
        (
            "prompt is too long: 212345 tokens > 200000 maximum",
            "prompt … too long: 212345 tokens > 200000 maximum",
        ),
        ("You've run out of credits. Please top up!", "You've run out of credits. Please top up"),
        ("Unsupported value: 'messages[0].role'", "Unsupported value messages … role"),
        ("invalid_request_error", "invalid_request_error"),
        (
            "top_p and temperature cannot both be given",
            "top_p and temperature cannot both be given",
        ),
        ("reasoning_effort: no such parameter", "reasoning_effort: no such parameter"),
        ("tool_choice forces a tool", "tool_choice forces … tool"),
        ("cache_control, response_format", "cache_control, response_format"),
        ("Internal Server Error", "Internal Server Error"),
        ("Cannot take: Ticket 7. The printer.", "Cannot …"),
        ("Unknown model 'gpt-9'", "Unknown model …"),
    ],
)
def test_quote_keeps_what_tells_the_cause(said: str, shown: str) -> None:
    assert quote_permitted_words(said, ROW) == shown


@pytest.mark.parametrize(
    "said",
    [
        "",
        "…",
        "printer",
        "to be or not",
        "TICKET 7",
        "P r i n t e r",
        "84 105 99 107 101 116",
        "0171",
        "74 11 0",
        "01747110",
        "VGlja2V0IDcu",
        "\u0645\u0631\u062d\u0628\u0627",
    ],
)
def test_quote_says_nothing_of_other_words(said: str) -> None:
    assert quote_permitted_words(said, ROW) == ""


def test_quote_leaves_out_the_rows_own_words() -> None:
    """The vocabulary's words are common ones: a row may be made of them alone."""
    said = "Invalid: the maximum credit LIMIT must not be exceeded, temperature 47110 or 01174"
    assert quote_permitted_words(
        said, body_of("the maximum credit limit must not be exceeded 47110")
    ) == ("Invalid … temperature …")


def test_quote_shows_no_number_of_many() -> None:
    """Many numbers could spell a text."""
    request = body_of("Hello")
    said = "limit 1,000,000 tokens, not 20"
    assert quote_permitted_words(said, request) == said
    assert quote_permitted_words("limit 1 2 3", request) == "limit …"
    assert quote_permitted_words("limit 1110101 1110101 1110101", request) == "limit …"


def test_quote_shows_no_number_without_a_request() -> None:
    """It could be another request's."""
    assert quote_permitted_words("limit 20 tokens", b"") == "limit … tokens"


def test_quote_shows_no_number_beside_foreign_digits() -> None:
    assert quote_permitted_words("limit 4711", body_of("٤٧١١")) == "limit …"


def test_quote_reads_a_request_that_is_no_json() -> None:
    assert quote_permitted_words("invalid temperature", b"\xff temperature") == "invalid …"


def test_quoting_a_large_request_is_as_fast_as_searching() -> None:
    """Each word is looked for once: in 2 MB that takes hundredths of a second."""
    assert (
        quote_permitted_words("prompt is too long", body_of("x y " * 500_000))
        == "prompt is too long"
    )


@given(st.text(), st.integers(min_value=10, max_value=300))
def test_a_text_that_is_cut_fits_whatever_its_script(text: str, bytes_max: int) -> None:
    told = cut_to_bytes(text, bytes_max)
    mark = len(json.dumps("…")) - 2
    assert len(json.dumps(told)) - 2 <= bytes_max + mark
    assert text.startswith(told.removesuffix("…"))
