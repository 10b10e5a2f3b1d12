"""JSON answers, read as the API's page describes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.completion import Completion, ToolCall
from airflow_provider_aimlapi.errors import WireViolation
from tests.contract.generated import answers
from tests.contract.invariants import assert_completion_can_be_stored
from tests.contract.published import SONNET_4_6, SONNET_LATEST, answer_validator, complaints
from tests.contract.samples import COST_NANO_USD, TEXT, answer, choice, documented

NANO_USD_PER_CREDIT = 500
VALIDATORS = {model: answer_validator(model) for model in (SONNET_4_6, SONNET_LATEST)}
STATUS_OF_FINISH_REASON = {
    "end_turn": "ok",
    "stop": "ok",
    "stop_sequence": "ok",
    "tool_use": "ok",
    "tool_calls": "ok",
    "max_tokens": "truncated",
    "length": "truncated",
    "refusal": "refused",
    "content_filter": "refused",
}


def test_the_documented_answer_field_by_field():
    assert decode_answer(answer(documented(), inference_id="inf-1")) == Completion(
        text=TEXT,
        status="ok",
        error=None,
        finish_reason="end_turn",
        model="claude-sonnet-4-6",
        prompt_tokens=16,
        completion_tokens=264,
        cached_tokens=None,
        reasoning_tokens=None,
        cost_nano_usd=COST_NANO_USD,
        inference_id="inf-1",
        tool_calls=(),
    )


@pytest.mark.parametrize("status", [200, 201, 202, 206, 299])
@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_any_2xx_is_an_answer(status, content_type):
    received = answer(documented(), status=status, content_type=content_type)
    assert decode_answer(received).text == TEXT


@pytest.mark.parametrize(("word", "status"), STATUS_OF_FINISH_REASON.items())
def test_finish_reasons_of_both_vocabularies(word, status):
    completion = decode_answer(answer(documented(choices=[choice(word)])))

    assert (completion.status, completion.finish_reason) == (status, word)
    assert completion.text == TEXT
    assert bool(completion.error) is (status != "ok")


def test_unknown_finish_reason_does_not_lose_a_paid_text():
    completion = decode_answer(answer(documented(choices=[choice("pause_turn")])))
    assert (completion.text, completion.finish_reason) == (TEXT, "pause_turn")


@pytest.mark.parametrize("content", [None, ""])
def test_an_answer_without_text_says_so(content):
    completion = decode_answer(answer(documented(choices=[choice(content=content)])))

    assert completion.status == "ok"
    assert not completion.text
    assert completion.error
    assert completion.cost_nano_usd == COST_NANO_USD


def test_null_content_is_null_and_not_a_word():
    assert decode_answer(answer(documented(choices=[choice(content=None)]))).text is None


def test_content_that_is_missing_is_null_too():
    silent = choice("length")
    del silent["message"]["content"]
    completion = decode_answer(answer(documented(choices=[silent])))
    assert (completion.text, completion.status) == (None, "truncated")


@pytest.mark.parametrize("finish_reason", ["stop", "end_turn", "content_filter"])
@pytest.mark.parametrize("content", [None, ""])
def test_refusal_is_refused_under_any_finish_reason(finish_reason, content):
    """Its text is kept."""
    declined = choice(finish_reason, content=content, refusal="I cannot help with that.")
    completion = decode_answer(answer(documented(choices=[declined])))

    assert completion.status == "refused"
    assert "I cannot help with that." in f"{completion.text} {completion.error}"


@pytest.mark.parametrize("refusal", [None, ""])
def test_an_empty_refusal_is_none(refusal):
    completion = decode_answer(answer(documented(choices=[choice(refusal=refusal)])))
    assert (completion.status, completion.error) == ("ok", None)


def test_reasoning_is_not_part_of_the_text():
    thought = choice(reasoning_content="First, I consider…")
    assert decode_answer(answer(documented(choices=[thought]))).text == TEXT


@pytest.mark.parametrize(
    "change", [{"choices": []}, {"choices": None}, {"choices": "none"}, {"choices": [None]}]
)
def test_answer_without_choices_is_no_completion_and_perhaps_billed(change):
    with pytest.raises(WireViolation) as caught:
        decode_answer(answer(documented(**change), request_id="req-1"))
    assert caught.value.is_perhaps_billed
    assert (caught.value.status, caught.value.request_id) == (200, "req-1")


def test_an_error_body_with_status_200_is_no_completion():
    with pytest.raises(WireViolation):
        decode_answer(answer({"error": {"name": "Error", "message": "Internal server error"}}))


@pytest.mark.parametrize(
    ("arguments", "is_valid_json"),
    [
        ('{"zip": "10115"}', True),
        ("{}", True),
        ('{"zip": "101', False),
        ("", False),
        ("{'zip': 1}", False),
        ('{"zip": NaN}', False),
    ],
)
def test_tool_call_arguments_are_kept_as_written(arguments, is_valid_json):
    function = {"name": "look_up", "arguments": arguments}
    called = choice(
        "tool_calls",
        content=None,
        tool_calls=[{"id": "call_1", "type": "function", "function": function}],
    )
    completion = decode_answer(answer(documented(choices=[called])))

    assert completion.status == "ok"
    assert completion.tool_calls == (
        ToolCall(
            call_id="call_1",
            name="look_up",
            arguments_json=arguments,
            is_valid_json=is_valid_json,
        ),
    )


def test_arguments_of_200_000_levels_do_no_harm():
    deep = {"name": "f", "arguments": "[" * 200_000 + "]" * 200_000}
    called = choice(tool_calls=[{"id": "c", "type": "function", "function": deep}])
    assert decode_answer(answer(documented(choices=[called]))).text == TEXT


def test_several_tool_calls_keep_their_order():
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": f"[{n}]"}}
        for n in range(3)
    ]
    completion = decode_answer(answer(documented(choices=[choice("tool_use", tool_calls=calls)])))
    assert [call.arguments_json for call in completion.tool_calls] == ["[0]", "[1]", "[2]"]
    assert completion.text == TEXT


def test_cached_and_reasoning_tokens():
    usage = {
        "prompt_tokens": 2000,
        "completion_tokens": 300,
        "total_tokens": 2300,
        "prompt_tokens_details": {"cached_tokens": 1800, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 120},
    }
    completion = decode_answer(answer(documented(usage=usage)))
    assert (completion.cached_tokens, completion.reasoning_tokens) == (1800, 120)


def test_tokens_written_with_a_point_are_whole_numbers():
    """The schema says "number"."""
    body = json.dumps(documented()).replace('"prompt_tokens": 16', '"prompt_tokens": 16.0')
    tokens = decode_answer(answer(body.encode())).prompt_tokens
    assert tokens == 16
    assert isinstance(tokens, int)


@pytest.mark.parametrize("usage", [None, {}])
def test_unreported_tokens_are_null_and_the_text_is_kept(usage):
    completion = decode_answer(answer(documented(usage=usage)))
    assert completion.text == TEXT
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)


def test_text_arrives_unchanged():
    awkward = 'a\x00b "\\" \u2028\u202e\ufeff 👩\u200d👧 e\u0301 </script> {{ 7*7 }}'
    for ascii_only in (True, False):
        body = json.dumps(documented(choices=[choice(content=awkward)]), ensure_ascii=ascii_only)
        assert decode_answer(answer(body.encode())).text == awkward


def assert_read_correctly(body: dict[str, Any]) -> None:
    completion = decode_answer(answer(body))
    assert_completion_can_be_stored(completion)

    only, usage = body["choices"][0], body["usage"]
    message = only["message"]
    expected = (
        "refused" if message.get("refusal") else STATUS_OF_FINISH_REASON[only["finish_reason"]]
    )
    assert (completion.status, completion.finish_reason) == (expected, only["finish_reason"])
    if message["content"]:
        assert completion.text == message["content"]
    assert (completion.model or "") == body["model"]
    assert completion.prompt_tokens == usage["prompt_tokens"]
    assert completion.completion_tokens == usage["completion_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    reasoned = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    assert (completion.cached_tokens, completion.reasoning_tokens) == (cached, reasoned)
    spent = (body.get("meta") or {}).get("usage")
    assert completion.cost_nano_usd == (spent and spent["credits_used"] * NANO_USD_PER_CREDIT)
    asked = [(call["id"], call[call["type"]]["name"]) for call in message.get("tool_calls") or []]
    assert [(call.call_id, call.name) for call in completion.tool_calls] == asked


@pytest.mark.parametrize("model", [SONNET_4_6, SONNET_LATEST])
def test_whatever_the_published_schema_allows_is_read_correctly(model):
    @given(answers(model))
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(body):
        assert complaints(VALIDATORS[model], body) == []
        assert_read_correctly(body)

    check()
