"""What is read from an answer that holds a completion."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.completion import Completion, ToolCall
from tests.unit.api.answers import answer_of, plain, stream_of, with_message


def completion_of(payload: Any, **fields: Any) -> Completion:
    return decode_answer(answer_of(payload, **fields))


@pytest.mark.parametrize(
    ("finish_reason", "status"),
    [
        (None, "ok"),
        (7, "ok"),
        ("model_context_window_exceeded", "truncated"),
    ],
)
def test_finish_reason_that_is_not_documented_keeps_the_text(
    finish_reason: Any, status: str
) -> None:
    completion = completion_of(with_message(finish_reason))
    assert completion.status == status
    assert completion.text == "Hi!"
    assert (completion.error is None) == (status == "ok")
    assert completion.finish_reason == (finish_reason if isinstance(finish_reason, str) else None)


SUPERSET: dict[str, Any] = {
    "id": "gen-1772199635-x",
    "model": "anthropic/claude-4.6-sonnet-20260217",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "native_finish_reason": "end_turn",
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "Hi!", "annotations": []}],
                "refusal": None,
                "reasoning": "The user greets me.",
                "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 16,
        "completion_tokens": 264,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 12},
        "completion_tokens_details": {"reasoning_tokens": 200},
    },
    "meta": {"usage": {"credits_used": 10421, "usd_spent": 0.0052105}},
}


def test_an_answer_in_the_superset_is_read_whole() -> None:
    """Its reasoning is no part of the text, and its id is not the id of the charge."""
    assert completion_of(SUPERSET, inference_id="inf-1") == Completion(
        text="Hi!",
        status="ok",
        finish_reason="stop",
        model="anthropic/claude-4.6-sonnet-20260217",
        prompt_tokens=16,
        completion_tokens=264,
        cached_tokens=0,
        reasoning_tokens=200,
        cache_write_tokens=12,
        cost_nano_usd=10421 * 500,
        inference_id="inf-1",
    )


def test_reasoning_alone_is_no_text() -> None:
    completion = completion_of(with_message("stop", content=None, reasoning="hm"))
    assert (completion.text, completion.error) == (None, "the model returned no text")


@pytest.mark.parametrize(
    ("finish_reason", "native", "status", "shown"),
    [
        ("stop", "end_turn", "ok", "stop"),
        ("stop", "refusal", "refused", "stop"),
        ("stop", "max_tokens", "truncated", "stop"),
        ("length", "end_turn", "truncated", "length"),
        ("length", "refusal", "refused", "length"),
        (None, "max_tokens", "truncated", "max_tokens"),
        (None, "tool_use", "ok", "tool_use"),
        ("stop", {"a": 1}, "ok", "stop"),
    ],
)
def test_the_upstream_s_finish_reason_counts_too(
    finish_reason: Any, native: Any, status: str, shown: str
) -> None:
    payload = with_message(finish_reason)
    payload["choices"][0]["native_finish_reason"] = native
    choice = {"index": 0, "delta": {"content": "Hi!"}, **payload["choices"][0]}
    del choice["message"]
    completion = completion_of(payload)
    assert (completion.status, completion.finish_reason) == (status, shown)
    if finish_reason is not None:
        streamed = decode_answer(stream_of({"choices": [choice]}))
        assert (streamed.status, streamed.finish_reason) == (status, shown)


def test_a_missing_finish_reason_is_no_fault() -> None:
    payload = plain(choices=[{"message": {"content": "Hi!"}}])
    assert completion_of(payload).status == "ok"


def test_refusal_in_message_is_quoted_and_outweighs_finish_reason() -> None:
    completion = completion_of(with_message("stop", content=None, refusal="I will\nnot."))
    assert (completion.status, completion.text) == ("refused", None)
    assert completion.error == "the model refused: I will not."


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([], None),
        ([{"type": "thinking", "thinking": "hm"}], None),
        ([{"type": "text", "text": ""}], ""),
    ],
)
def test_parts_without_text_are_kept_with_an_error(content: Any, text: str | None) -> None:
    completion = completion_of(with_message(content=content))
    assert (completion.text, completion.status) == (text, "ok")
    assert completion.error == "the model returned no text"


def test_parts_are_joined_and_only_their_text_counts() -> None:
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Hi"},
        "!",
        {"text": "?"},
        {"type": "text", "text": 5},
        None,
    ]
    assert completion_of(with_message(content=parts)).text == "Hi!?"


def test_tool_calls_are_read_with_any_arguments() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x": '}},
        {"id": "c", "type": "custom", "custom": {"name": "h", "input": "free text"}},
        {"id": "d", "type": "function", "function": {"name": "i", "arguments": {"x": [1]}}},
        {"function": {"name": None}},
        None,
    ]
    completion = completion_of(with_message("tool_calls", content=None, tool_calls=calls))
    assert completion.tool_calls == (
        ToolCall(call_id="a", name="f", arguments_json='{"x": 1}', is_valid_json=True),
        ToolCall(call_id="b", name="g", arguments_json='{"x": ', is_valid_json=False),
        ToolCall(call_id="c", name="h", arguments_json="free text", is_valid_json=False),
        ToolCall(call_id="d", name="i", arguments_json='{"x":[1]}', is_valid_json=True),
        ToolCall(call_id="", name="", arguments_json="{}", is_valid_json=True),
        ToolCall(call_id="", name="", arguments_json="{}", is_valid_json=True),
    )
    assert (completion.text, completion.status, completion.error) == (None, "ok", None)


def test_tool_calls_among_parts_are_read_like_anthropics() -> None:
    part = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}}
    completion = completion_of(with_message("tool_use", content=[part]))
    assert completion.tool_calls == (
        ToolCall(call_id="toolu_1", name="f", arguments_json='{"x":1}', is_valid_json=True),
    )


def test_a_tool_call_in_both_places_is_one_call() -> None:
    function = {"name": "f", "arguments": '{"x":1}'}
    calls = [{"id": "toolu_1", "type": "function", "function": function}]
    parts = [
        {"type": "tool_use", "id": name, "name": "f", "input": {"x": 1}}
        for name in ("toolu_1", "toolu_2", "", "")
    ]
    completion = completion_of(with_message("tool_use", content=parts, tool_calls=calls))
    assert [call.call_id for call in completion.tool_calls] == ["toolu_1", "toolu_2", "", ""]


def test_tokens_with_all_their_details() -> None:
    usage = {
        "prompt_tokens": 100.0,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 7.0},
    }
    completion = completion_of(plain(usage=usage))
    tokens = (
        completion.prompt_tokens,
        completion.completion_tokens,
        completion.cached_tokens,
        completion.reasoning_tokens,
        completion.cache_write_tokens,
    )
    assert tokens == (100, 20, 64, 7, 30)
    assert all(isinstance(count, int) for count in tokens)


@pytest.mark.parametrize("count", [None, "12", 1.5, -1, True, 2**63, 10**30, [], {}])
def test_a_count_that_is_none_is_unknown(count: Any) -> None:
    assert completion_of(plain(usage={"prompt_tokens": count})).prompt_tokens is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": 5},
        {"usage": "none"},
        {"usage": {"prompt_tokens_details": 3, "completion_tokens_details": []}},
        {"meta": []},
        {"meta": {"usage": "much"}},
        {"id": None, "object": [], "created": "today", "unknown": {"deep": [[[]]]}},
    ],
)
def test_wrong_type_of_an_unneeded_field_loses_no_answer(
    changes: dict[str, Any],
) -> None:
    completion = completion_of(plain(**changes), usd_spent="0.01")
    assert (completion.text, completion.cost_nano_usd) == ("Hi!", 10_000_000)


META = {"usage": {"usd_spent": 0.003, "credits_used": 8_000}}


@pytest.mark.parametrize(
    ("usd_spent", "credits_used", "meta", "cost_nano_usd"),
    [
        ("0.001240000", "9999", META, 1_240_000),
        ("0", "9999", META, 0),
        (None, "2480", META, 1_240_000),
        (None, None, META, 3_000_000),
        (None, None, {"usage": {"usd_spent": None, "credits_used": 8_000}}, 4_000_000),
        (None, None, {"usage": {"credits_used": 8_000.0}}, 4_000_000),
        (None, None, {"usage": {"usd_spent": "0.002"}}, 2_000_000),
        (None, None, {"usage": {}}, None),
        (None, None, None, None),
        ("much", "-1", META, 3_000_000),
        ("NaN", "inf", {"usage": {"usd_spent": True, "credits_used": [1]}}, None),
        ("9e999999", "1e-999999", None, 0),
        ("1" * 200, None, None, None),
    ],
)
def test_cost_is_the_first_sensible_amount(
    usd_spent: str | None, credits_used: str | None, meta: Any, cost_nano_usd: int | None
) -> None:
    """The header goes before the body, and dollars go before credits."""
    completion = completion_of(plain(meta=meta), usd_spent=usd_spent, credits_used=credits_used)
    assert completion.cost_nano_usd == cost_nano_usd


def test_names_of_absurd_length_are_cut() -> None:
    completion = completion_of(plain(model="m" * 100_000))
    assert completion.model == "m" * 200


def test_the_first_of_several_choices_counts() -> None:
    first = {"index": 0, "message": {"content": "first"}, "finish_reason": "stop"}
    second = {"index": 1, "message": {"content": "second"}, "finish_reason": "length"}
    completion = completion_of(plain(choices=[first, second]))
    assert (completion.text, completion.status) == ("first", "ok")
