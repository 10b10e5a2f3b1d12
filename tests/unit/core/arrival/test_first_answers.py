"""The first answers of an attempt, and what a request says beside them."""

from __future__ import annotations

import json

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.arrival.first_answers import (
    BODY_BYTES_MAX,
    CHARACTERS_MAX,
    ArrivalCheck,
    texts_of,
)
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL, DIALECTS
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS

SYSTEM = "Answer in one sentence, in plain English, and name the floor and the device. " * 5


def body(prompt: str = "Say hello.", model: str = DEFAULT_MODEL) -> bytes:
    return RequestEncoder(CompletionSpec(model=model, max_tokens=2_000)).encode_request(
        message_of(prompt, SYSTEM)
    )


def answer(prompt_tokens: int | None) -> Completion:
    return Completion(text="Hello.", status="ok", prompt_tokens=prompt_tokens)


def check(model: str = DEFAULT_MODEL) -> ArrivalCheck:
    return ArrivalCheck(model=model, is_open=True)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.example)
def test_texts_are_found_in_every_dialect(dialect: object) -> None:
    example = getattr(dialect, "example", "")
    assert texts_of(body(model=example)) == ("Say hello.", SYSTEM)


def test_parts_are_joined() -> None:
    request = {
        "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]},
            {"role": "assistant", "content": "b"},
        ],
    }
    assert texts_of(json.dumps(request).encode()) == ("a\n\nb", "One.\nTwo.")


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"messages": []}', b"[" * 10, b" " * BODY_BYTES_MAX])
def test_other_bodies_are_not_judged(bad: bytes) -> None:
    assert texts_of(bad + b" ") is None


def test_long_rows_are_not_counted() -> None:
    assert texts_of(body("word " * (CHARACTERS_MAX // 5))) is None


def test_verdict_falls_with_the_last_row() -> None:
    opening = check()
    for _ in range(OPENING_ROWS - 1):
        opening.note_answer(body(), answer(9))
    assert opening.is_open
    assert opening.error_to_raise is None
    opening.note_answer(body(), answer(9))
    assert opening.error_to_raise is not None


def test_closing_judges_fewer_rows() -> None:
    opening = check()
    opening.note_answer(body(), answer(9))
    opening.judge_and_close()
    assert "1 answer shows" in str(opening.error_to_raise)


def test_closing_without_answers_finds_nothing() -> None:
    opening = check()
    opening.judge_and_close()
    assert opening.error_to_raise is None


def test_closed_check_stays_as_it_is() -> None:
    closed = ArrivalCheck(model=DEFAULT_MODEL, is_open=False)
    closed.judge_and_close()
    assert closed.error_to_raise is None


def test_error_names_the_dated_id_for_others_only() -> None:
    for model, said in (("anthropic/claude-sonnet-4.6", DEFAULT_MODEL), (DEFAULT_MODEL, "another")):
        opening = check(model)
        opening.note_answer(body(model=model), answer(9))
        opening.judge_and_close()
        assert f"Use model='{said}'" in str(opening.error_to_raise) or f"Use {said} id" in str(
            opening.error_to_raise
        )
        assert "plain English" not in str(opening.error_to_raise)


def test_answers_without_counts_show_nothing() -> None:
    opening = check()
    for _ in range(OPENING_ROWS):
        opening.note_answer(body(), answer(None))
    assert opening.error_to_raise is None
