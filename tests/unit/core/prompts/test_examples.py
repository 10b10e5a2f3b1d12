"""Few-shot examples: which are refused, and what they become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.answers.typed_examples import typed_examples, typed_turns
from airflow_provider_aimlapi.core.calls.message import ExampleTurn, message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.prompts.examples import (
    check_examples,
    example_turns,
    read_examples,
    read_pairs,
)
from airflow_provider_aimlapi.core.prompts.template import parse_template, shapes_of
from airflow_provider_aimlapi.errors import InvalidSpec

TURNS = (ExampleTurn("Hallo", "Hello"), ExampleTurn('"é\n', "{}"))


@pytest.mark.parametrize(
    ("examples", "sentence"),
    [
        (5, "give a list of pairs"),
        ({"body": "a"}, "give a list of pairs"),
        (["ab"], r"examples\[0\] is no pair"),
        ([({"body": "a"}, "b", "c")], r"examples\[0\] is no pair"),
        ([({"body": "a"}, "b"), ("a", "b")], r"examples\[1\] does not begin with a row's values"),
        ([({"body": "a"}, 5)], "the answer must be a text"),
        ([({"body": "a"}, {"topic": {1, 2}})], "or an object of JSON"),
        ([({"body": "a"}, " ")], "the answer must be a text that is not empty"),
        ([({"body": None}, "b")], "the value of 'body' must be a text or a number"),
        ([({"body": True}, "b")], "the value of 'body' must be a text or a number"),
        ([({"body": float("nan")}, "b")], "the value of 'body' must be a text or a number"),
    ],
)
def test_examples_of_another_form_are_refused(examples: object, sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        read_examples(examples)


@pytest.mark.parametrize(
    ("values", "prompt", "sentence"),
    [
        ({}, "{body}", "has no value for 'body'"),
        ({"body": "a", "bod": "b"}, "{body}", "'bod', but the prompt does not use {bod}. Did you"),
        ({"body": "a", "zzz": "b"}, "{body}", "Leave it out"),
        ({"body": "a"}, r"\{body}", "the prompt does not use"),
    ],
)
def test_examples_fit_their_prompt(values: dict[str, str], prompt: str, sentence: str) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        check_examples([(values, "b")], prompt)


def test_examples_with_odd_column_names_pass() -> None:
    """Only the input shows whether `{my col}` is a column, so both readings pass the early check."""
    prompt = "{body} {my col} {} {3}"
    check_examples([({"body": "a", "my col": "b"}, "c"), ({"body": "a"}, "c")], prompt)


def test_examples_fill_the_template_as_rows_do() -> None:
    template = parse_template(
        "<{n}|{text}|{n}>", columns=shapes_of(["text", "n"]), argument="prompt"
    )
    examples = read_examples([({"text": "{n} {text}", "n": 3}, "x"), ({"text": "", "n": 0.5}, "y")])
    assert example_turns(typed_examples(examples, None), template) == (
        ("<3|{n} {text}|3>", "x"),
        ("<0.5||0.5>", "y"),
    )


def test_an_example_without_a_column_s_value_is_refused() -> None:
    template = parse_template("{my col}", columns=shapes_of(["my col"]), argument="prompt")
    with pytest.raises(InvalidSpec, match=r"examples\[0\] has no value for 'my col'"):
        example_turns([({}, "a")], template)


@pytest.mark.parametrize("example", ["ab", ("a",), ("a", ""), ("a", 1), ("", "b"), (1, "b"), 5])
def test_the_hook_s_examples_are_pairs(example: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"examples\[0\]"):
        read_pairs([example])
    assert typed_turns(read_pairs([("a", "b")]), None) == (("a", "b"),)


def test_an_object_of_the_hook_s_needs_a_schema() -> None:
    with pytest.raises(InvalidSpec, match="For an object, set output_schema"):
        typed_turns(read_pairs([("a", {"topic": "b"})]), None)


@pytest.mark.parametrize("system", [None, "Be brief."])
@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-6", "anthropic/claude-sonnet-4.6"])
def test_turns_come_before_the_row_s_own(model: str, system: str | None) -> None:
    encoder = RequestEncoder(CompletionSpec(model=model), TURNS)
    body = json.loads(encoder.encode_request(message_of("Tschüss", system)))
    turns = [(turn["role"], turn["content"]) for turn in body["messages"]]
    if system is not None and "system" not in body:
        assert turns.pop(0) == ("system", system)
    assert turns == [
        ("user", "Hallo"),
        ("assistant", "Hello"),
        ("user", '"é\n'),
        ("assistant", "{}"),
        ("user", "Tschüss"),
    ]


def test_a_request_without_examples_is_as_before() -> None:
    spec, message = CompletionSpec(model="anthropic/claude-sonnet-4-6"), message_of("a", "b")
    with_turns = RequestEncoder(spec, TURNS)
    alone = RequestEncoder(spec).encode_request(message)
    assert len(with_turns.encode_request(message)) - with_turns.constant_bytes == len(alone)


def test_half_a_character_in_an_example_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="An example is not valid text"):
        RequestEncoder(CompletionSpec(model="claude-opus-5"), [ExampleTurn("\ud800", "b")])
