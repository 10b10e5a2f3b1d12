"""The text of answers: it depends on the request alone, keeps its limit, and differs per request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_simulator import answer_for
from aimlapi_simulator.model.answers import whole_answer
from aimlapi_simulator.pricing import Price, Usage, credits_for, tokens_in, usd_text

MODEL = "anthropic/claude-sonnet-4.6"


def test_it_is_made_of_leading_sentences_of_longest_paragraph() -> None:
    text = "The first sentence is short. " + "Others follow it at some length. " * 40
    answer = answer_for(MODEL, "", f"Summarise:\n\n{text}\n\nThank you.", 1000)
    summary, _, mark = answer.rpartition(" [")
    assert text.startswith(summary)
    assert summary.endswith(".")
    assert len(summary) <= 480
    assert len(mark) == len("12345678]")


def test_a_text_without_sentences_ends_between_two_words() -> None:
    summary = answer_for(MODEL, "", "word " * 300, 1000).rpartition(" [")[0]
    assert summary.endswith("word")


@given(st.text(min_size=1), st.integers(min_value=1, max_value=200))
def test_it_never_exceeds_max_tokens_and_is_a_function(prompt: str, max_tokens: int) -> None:
    answer = answer_for(MODEL, "", prompt, max_tokens)
    assert 1 <= tokens_in(answer) <= max_tokens
    assert answer == answer_for(MODEL, "", prompt, max_tokens)


def test_whatever_differs_in_the_request_differs_in_the_answer() -> None:
    beginnings = "The same beginning. " * 60
    answers = {
        answer_for(MODEL, "", beginnings + "One end.", 1000),
        answer_for(MODEL, "", beginnings + "Another end.", 1000),
        answer_for(MODEL, "Be brief.", beginnings + "One end.", 1000),
        answer_for("claude-opus-5", "", beginnings + "One end.", 1000),
    }
    assert len(answers) == 4


def test_the_documented_example_costs_its_documented_credits() -> None:
    price = Price(input_usd=3.9, output_usd=19.5)
    assert credits_for(Usage(prompt=16, completion=264), price) == 10_421
    assert usd_text(10_421) == "0.005210500"
    assert usd_text(2480) == "0.001240000"


@given(st.integers(min_value=0, max_value=10**12))
def test_usd_text_is_exact(credits_used: int) -> None:
    whole, _, decimals = usd_text(credits_used).partition(".")
    assert len(decimals) == 9
    assert int(whole + decimals) * 2_000_000 == credits_used * 10**9


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (
            "Summarise:\n\nThe treasury and commerce. Commerce grows, and the treasury with it.",
            "The text is about treasury and commerce, says the simulator.",
        ),
        ("Hi", "The text is short, says the simulator."),
    ],
)
def test_an_answer_can_be_a_sentence_of_its_own(prompt: str, answer: str) -> None:
    assert whole_answer("m", "", prompt, "sentence") == answer
    assert whole_answer("m", "", prompt) != answer


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [("The delivery is late.", "delivery"), ("Hi", "other")],
)
def test_an_answer_can_be_one_word(prompt: str, answer: str) -> None:
    assert whole_answer("m", "Answer with one word: a or b.", prompt, "sentence") == answer
