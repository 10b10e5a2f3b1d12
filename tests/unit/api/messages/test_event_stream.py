"""Streams put together, however they were cut and whatever they leave out."""

from __future__ import annotations

import tracemalloc

import pytest

from airflow_provider_aimlapi.api.messages.event_stream import (
    EVENT_BYTES_MAX,
    assemble_answer,
    parse_events,
)
from airflow_provider_aimlapi.api.messages.json_values import Unreadable
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.calls.completion import ToolCall
from airflow_provider_aimlapi.errors import WireViolation
from tests.unit.api.answers import answer_of, delta, stream_of

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
CHARGE = {"credits_used": 2_480, "usd_spent": 0.00124}


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"", []),
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: {\ndata: }\n\n", [b"{\n}"]),
        (b": ping\n\ndata: a\n: in between\nid: 7\nevent: x\nretry: 1\ndata: b\n\n", [b"a\nb"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data: a\n\ndata: b", [b"a", b"b"]),
        (b"data\n\n", [b""]),
        (b"database: a\n\n", []),
        (b"data: a\xc2\x85b\x0bc\n\n", [b"a\xc2\x85b\x0bc"]),
    ],
)
def test_events_by_the_rules_of_the_standard(body: bytes, events: list[bytes]) -> None:
    assert list(parse_events(body)) == events


def test_a_stream_as_the_api_documents_it_without_done() -> None:
    completion = decode_answer(
        stream_of(
            delta(role="assistant", content=""),
            {**delta(content="Hi"), "id": ""},
            {**delta(content=" there"), "usage": None},
            delta("end_turn"),
            {"choices": [], "usage": USAGE},
            {"id": "", "choices": [], "usage": None, "meta": {"usage": CHARGE}},
            inference_id="inf-1",
        )
    )
    assert completion.text == "Hi there"
    assert (completion.status, completion.finish_reason) == ("ok", "end_turn")
    assert (completion.prompt_tokens, completion.completion_tokens) == (9, 3)
    assert (completion.cost_nano_usd, completion.model) == (1_240_000, "m")
    assert completion.inference_id == "inf-1"


def test_usage_and_charge_in_pieces_are_joined() -> None:
    completion = decode_answer(
        stream_of(
            delta("stop", content="x"),
            {"usage": {"prompt_tokens": 9, "completion_tokens": None}, "meta": {"usage": None}},
            {"usage": {"completion_tokens": 3, "prompt_tokens": None}, "meta": None},
            {"meta": {"usage": {"credits_used": 2_480}}},
            {"meta": {"usage": {"credits_used": None, "usd_spent": None}}, "usage": None},
        )
    )
    assert (completion.prompt_tokens, completion.completion_tokens) == (9, 3)
    assert completion.cost_nano_usd == 1_240_000


def test_a_finish_reason_in_a_chunk_without_delta() -> None:
    last = {"choices": [{"index": 0, "finish_reason": "length"}]}
    completion = decode_answer(stream_of(delta(content="cut"), last))
    assert (completion.text, completion.status) == ("cut", "truncated")


def test_what_follows_done_is_not_read() -> None:
    body = stream_of(delta("stop", content="x")).body + b"data: [DONE]\n\ndata: {nonsense\n\n"
    assert decode_answer(answer_of(body, content_type="text/event-stream")).text == "x"


def test_tool_calls_come_in_pieces_and_side_by_side() -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    completion = decode_answer(
        stream_of(
            delta(tool_calls=[first]),
            delta(
                tool_calls=[{"index": 0, "id": "", "function": {"name": "f", "arguments": '{"x'}}]
            ),
            delta(tool_calls=[{"index": 1.0, "id": "b", "function": {"name": "g"}}]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": '": 1}'}}]),
            delta(tool_calls=[{"index": 1, "function": {"arguments": "{"}}]),
            delta("tool_calls"),
        )
    )
    assert completion.tool_calls == (
        ToolCall(call_id="a", name="f", arguments_json='{"x": 1}', is_valid_json=True),
        ToolCall(call_id="b", name="g", arguments_json="{", is_valid_json=False),
    )
    assert (completion.text, completion.error) == (None, None)


def test_tool_calls_without_an_index_differ_by_id() -> None:
    completion = decode_answer(
        stream_of(
            delta(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "["}}]),
            delta(tool_calls=[{"function": {"arguments": "]"}}]),
            delta(tool_calls=[{"id": "b", "function": {"name": "g", "arguments": {"y": 2}}}]),
            delta("tool_use"),
        )
    )
    assert [(call.call_id, call.arguments_json) for call in completion.tool_calls] == [
        ("a", "[]"),
        ("b", '{"y":2}'),
    ]


def test_other_choices_are_not_mixed_in() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "OTHER"}, "finish_reason": "length"}]}
    completion = decode_answer(stream_of(delta(content="mine"), other, delta("stop")))
    assert (completion.text, completion.status) == ("mine", "ok")


def test_deltas_of_parts_and_empty_events_are_harmless() -> None:
    parts = [{"type": "text", "text": "Hi"}, {"type": "thinking"}, None, {"text": 5}]
    body = b"data:\n\n" + stream_of(delta(content=parts), delta("stop", content="!")).body
    assert decode_answer(answer_of(body, content_type="text/event-stream")).text == "Hi!"


@pytest.mark.parametrize("chunk", [None, 5, [], "text", {}, {"choices": None}, {"choices": [None]}])
def test_chunks_that_say_nothing_are_passed_over(chunk: object) -> None:
    assert decode_answer(stream_of(delta(content="x"), chunk, delta("stop"))).text == "x"


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (delta(content="half of it"),),
        (delta(content="half"), {"usage": USAGE, "meta": {"usage": CHARGE}, "choices": []}),
    ],
)
def test_stream_without_a_finish_reason_was_cut_perhaps_billed(
    chunks: tuple[object, ...],
) -> None:
    body = stream_of(*chunks).body or b": ping\n\n"
    with pytest.raises(WireViolation, match="cut off before its finish_reason") as violated:
        decode_answer(answer_of(body, content_type="text/event-stream"))
    assert violated.value.is_perhaps_billed


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "Overloaded", "name": "x"}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"error": "Overloaded"},
        {"statusCode": 500, "message": "Overloaded", "requestId": "r"},
    ],
)
def test_error_among_the_events_is_raised_perhaps_billed(error: object) -> None:
    with pytest.raises(WireViolation, match="broke off with an error: Overloaded") as violated:
        decode_answer(stream_of(delta(content="half"), error))
    assert violated.value.is_perhaps_billed


def test_an_error_after_the_finish_reason_takes_nothing_back() -> None:
    completion = decode_answer(stream_of(delta("stop", content="x"), {"error": "accounting"}))
    assert completion.text == "x"


def test_an_event_that_is_no_json_is_a_violation() -> None:
    body = b"data: {oops\n\n" + stream_of(delta("stop", content="x")).body
    with pytest.raises(WireViolation, match="not valid JSON"):
        decode_answer(answer_of(body, content_type="text/event-stream"))


MIB = 1024 * 1024


@pytest.mark.parametrize("filler", [b"\n", b"::\n", b":\r\n\r\n", b"id:7\n", b"data:\n"])
def test_long_empty_stream_takes_no_memory_of_its_own(filler: bytes) -> None:
    body = filler * (MIB // 2 // len(filler))
    tracemalloc.start()
    try:
        assert [event.strip() for event in parse_events(body)] in ([], [b""])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(body)


@pytest.mark.parametrize("line", [b"data: " + b"x" * 65_536 + b"\n", b"data:x\n"])
def test_an_event_that_is_too_large_is_refused(line: bytes) -> None:
    body = line * (EVENT_BYTES_MAX // (len(line) - len("data: ")) + 2)
    with pytest.raises(Unreadable, match="one of its events is larger than 4,194,304 bytes"):
        list(parse_events(body))


def test_more_tool_calls_than_anybody_needs_are_refused() -> None:
    calls = [
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":%d}]}}]}\n\n' % number
        for number in range(1_001)
    ]
    with pytest.raises(Unreadable, match="more than 1,000 tool calls"):
        assemble_answer(b"".join(calls))


def test_usage_keeps_a_hundred_names_and_updates_them() -> None:
    """A name that is kept still takes later values."""
    told = [b'data: {"usage":{"prompt_tokens":1}}\n\n']
    told += [b'data: {"usage":{"u%d":1}}\n\n' % number for number in range(1_000)]
    told += [b'data: {"usage":{"prompt_tokens":2}}\n\n']
    told += [b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n']
    usage = assemble_answer(b"".join(told))["usage"]
    assert isinstance(usage, dict)
    assert len(usage) == 100
    assert usage["prompt_tokens"] == 2
