"""Paid answers in damaged or surrounded form: the text is kept, and one call is enough."""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.engine.calls.single import complete_body
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import ApiError, WireViolation
from tests.fakes.virtual_loop import run_virtual
from tests.unit.api.answers import delta, with_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.completion import Completion

LOST = "\ufffd"
MIB = 1024 * 1024
TYPES = ["application/json", "text/event-stream", "text/plain", "text/html", ""]
HERE = "HERE"
DAMAGES = {
    "a high half": (b"\\ud83d", LOST),
    "a low half": (b"\\uDE00", LOST),
    "halves in the wrong order": (b"\\ude00\\ud83d", 2 * LOST),
    "a half before an escape": (b"\\ud83d\\n", f"{LOST}\n"),
    "a half before its pair": (b"\\ud83d\\ud83d\\ude00", f"{LOST}\U0001f600"),
    "an escaped backslash before what looks like a half": (b"\\\\ud83d", "\\ud83d"),
    "an invalid byte": (b"\xff", LOST),
    "a cut character": (b"\xe2\x82", LOST),
    "Latin-1": (b"caf\xe9 ", f"caf{LOST} "),
    "an encoded half": (b"\xed\xa0\xbd", 3 * LOST),
    "a line break": (b"\n", "\n"),
    "a paragraph": (b"one\r\n\r\ntwo", "one\r\n\r\ntwo"),
    "a tab": (b"\t", "\t"),
    "other control characters": (b"\x00\x07\x1b[0m\x1f", "\x00\x07\x1b[0m\x1f"),
    "an escape that is none": (b"\\d\\x41", "\\d\\x41"),
    "a short escape": (b"\\u12 ", "\\u12 "),
    "nothing": (b"", ""),
}
PREFIXES = [
    *(
        b"",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf",
        b"\n",
        b" \r\n\t" * 1_000,
        b"\n\xef\xbb\xbf",
    ),
    *(b": keep-alive\n\n", b": OPENROUTER PROCESSING\n\n" * 40, b":\n", b"event: message\nid: 7\n"),
    *(b"retry: 3000\n\n", b"data: ", b"data:", b": ping\r\n\r\ndata: ", b"event: done\ndata: "),
    *(b")]}'\n", b")]}',\n", b")]}'", b"for(;;);", b"while(1);", b"{}&&", b"/**/", b"callback("),
    *(b"OK\n", b"1f4\r\n", b'{"status":"processing"}\n', b'{"type":"ping"}\n' * 50, b"\0" * 8),
    *(b"[warn] {not json}\n", b'"half a quote\n', b"HTTP/1.1 200 OK\r\n\r\n"),
]
SUFFIXES = [
    *(
        b"",
        b"\n",
        b"\n\n\n",
        b"\0\0",
        b"\r\n0\r\n\r\n",
        b"// done",
        b";",
        b");",
        b"\n\ndata: [DONE]\n\n",
    ),
    *(b"\n: bye\n", b'\n{"status":"done"}\n', b"\n--boundary--", b"}", b" trailing {words"),
]


def whole(content: str = f"It is {HERE}.", **changes: Any) -> bytes:
    return json.dumps(with_message("stop", content=content) | changes).encode()


def streamed(content: bytes, line_end: bytes = b"\n") -> bytes:
    chunks = [json.dumps(delta(content=f"It is {HERE}.")), json.dumps(delta("stop"))]
    lines = [b"data: " + chunk.encode().replace(HERE.encode(), content) for chunk in chunks]
    return (line_end * 2).join([*lines, b"data: [DONE]", b""])


def answer(body: bytes, content_type: str = "application/json") -> Answer:
    return Answer(status=200, content_type=content_type, body=body, usd_spent="0.001")


def ask(received: Answer) -> tuple[Completion | ApiError, int]:
    """What an API that always answers so comes to, and in how many calls."""
    calls = 0

    class Client:
        async def send(self, _body: bytes, _name: str) -> Answer:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.1)
            return received

    random = Random(1)  # noqa: S311  # jitter that can be repeated
    try:
        found = run_virtual(complete_body(Client(), b"{}", Settings(), random, StopSignal()))
    except ApiError as error:
        return error, calls
    return found, calls


def assert_kept(received: Answer, text: str) -> None:
    found, calls = ask(received)
    assert not isinstance(found, ApiError), found
    assert (found.text, found.status, calls) == (text, "ok", 1)
    assert found.cost_nano_usd == 1_000_000
    (found.text or "").encode()


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_text_is_kept_in_one_call(name: str) -> None:
    raw, read = DAMAGES[name]
    body = whole().replace(HERE.encode(), raw)
    assert_kept(answer(body), f"It is {read}.")
    texts = {decode_answer(answer(body, content_type)).text for content_type in TYPES}
    assert texts == {f"It is {read}."}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_events_are_kept_in_one_call(name: str, line_end: bytes) -> None:
    raw, read = DAMAGES[name]
    body = streamed(raw, line_end)
    assert_kept(answer(body), f"It is {read}.")
    texts = {decode_answer(answer(body, content_type)).text for content_type in TYPES}
    assert texts == {f"It is {read}."}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_answer_among_other_text_is_read(prefix: bytes) -> None:
    surroundings = [(suffix, content_type) for suffix in SUFFIXES for content_type in TYPES]
    for suffix, content_type in surroundings:
        body = prefix + whole() + suffix
        assert decode_answer(answer(body, content_type)).text == f"It is {HERE}.", suffix


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(max_size=40),
    damages=st.lists(st.sampled_from(sorted(DAMAGES)), max_size=4),
    prefix=st.sampled_from(PREFIXES),
    suffix=st.sampled_from(SUFFIXES),
    content_type=st.sampled_from(TYPES),
    is_ascii=st.booleans(),
)
def test_any_damage_in_any_surroundings_keeps_the_text(  # hypothesis names them
    text: str, damages: list[str], prefix: bytes, suffix: bytes, content_type: str, is_ascii: bool
) -> None:
    spoken = json.dumps(text, ensure_ascii=is_ascii)[1:-1].encode()
    raw = b" ".join([spoken, *(DAMAGES[name][0] for name in damages)])
    read = " ".join([text, *(DAMAGES[name][1] for name in damages)])
    body = prefix + whole().replace(HERE.encode(), raw) + suffix
    assert decode_answer(answer(body, content_type)).text == f"It is {read}."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("content_type", TYPES)
def test_other_encodings_of_unicode_are_read(encoding: str, content_type: str) -> None:
    payload = with_message("stop", content="é 👩 \ud83d")
    body = json.dumps(payload, ensure_ascii=False).encode(encoding, "surrogatepass")
    found = decode_answer(answer(body, content_type))
    assert (found.text or "").startswith("é 👩 ")
    assert LOST in (found.text or "")


def test_halves_that_come_in_two_events_are_joined() -> None:
    first, second = b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}', b"\\ude00b"
    last = b'{"choices":[{"delta":{"content":"' + second + b'"},"finish_reason":"stop"}]}'
    body = b"data: " + first + b"\n\ndata: " + last + b"\n\n"
    assert decode_answer(answer(body)).text == "a\U0001f600b"


def test_answer_in_one_event_over_many_lines_is_read() -> None:
    body = b"data: " + json.dumps(with_message("stop"), indent=2).encode() + b"\n\n"
    assert decode_answer(answer(body)).text == "Hi!"


def test_a_message_after_its_own_deltas_is_not_repeated() -> None:
    payload = with_message("stop", content="Hi!")
    chunks = [delta(content="Hi"), delta(content="!"), payload]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    assert decode_answer(answer(body)).text == "Hi!"


@pytest.mark.parametrize("between", [b"", b"\n", b"\n: ping\n", b" and "])
def test_two_completions_are_none(between: bytes) -> None:
    found, calls = ask(answer(b")]}'\n" + whole("one") + between + whole("two")))
    assert isinstance(found, WireViolation)
    assert calls == 3
    assert found.cost_nano_usd == 1_000_000


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("prefix", [b"", b")]}'\n", b"data: ", b": ping\n\n"])
def test_what_was_cut_off_is_never_kept(name: str, prefix: bytes) -> None:
    body = prefix + whole().replace(HERE.encode(), DAMAGES[name][0])
    for end in range(0, len(body), 3):
        with pytest.raises(WireViolation):
            decode_answer(answer(body[:end]))


@pytest.mark.parametrize("name", ["an invalid byte", "a paragraph", "a high half"])
def test_a_stream_that_was_cut_off_is_never_kept(name: str) -> None:
    body = streamed(DAMAGES[name][0])
    for end in range(body.index(b'"stop"')):
        with pytest.raises(WireViolation):
            decode_answer(answer(body[:end]))


ARGUMENTS = {
    '{"a":"\\ud83d"}': ('{"a":"\\ufffd"}', True),
    '{"a":"\\\\ud83d"}': ('{"a":"\\\\ud83d"}', True),
    '{"a":"one\ntwo"}': ('{"a":"one\\u000atwo"}', True),
    '{"a":\n"\\d"}': ('{"a":\n"\\\\d"}', True),
    '{"a":NaN}': ('{"a":NaN}', False),
    '{"a":1e999}': ('{"a":1e999}', False),
    '{"a":': ('{"a":', False),
    '{"a":1} trailing': ('{"a":1} trailing', False),
}


@pytest.mark.parametrize("written", ARGUMENTS)
def test_tool_arguments_lose_no_more_than_text(written: str) -> None:
    function = {"name": "f", "arguments": written}
    payload = with_message("tool_calls", tool_calls=[{"id": "t", "function": function}])
    (call,) = decode_answer(answer(json.dumps(payload).encode())).tool_calls
    assert (call.arguments_json, call.is_valid_json) == ARGUMENTS[written]


@pytest.mark.parametrize("raw", [b"\\ud83d", b"\xff", b"\n"])
def test_tool_arguments_that_are_an_object_are_mended(raw: bytes) -> None:
    function = {"name": "f", "arguments": {"a": HERE}}
    payload = with_message("tool_calls", tool_calls=[{"id": "t", "function": function}])
    body = json.dumps(payload).encode().replace(HERE.encode(), raw)
    (call,) = decode_answer(answer(body)).tool_calls
    assert call.is_valid_json
    assert json.loads(call.arguments_json)["a"] in (LOST, "\n")


@pytest.mark.parametrize(
    "body",
    [
        b"x" + b"{" * 90_000 + b" " * 3 * MIB,
        b"x" + b'{"a":' * 20_000 + b'"' + b"y" * 3 * MIB,
        b'{"a":"' + b"\\n" * MIB + b"\xff",
        b'{"a":"' + b"\\ud83d" * (MIB // 2) + b'"}',
        b'x {"a":"' + b"\xff" * 4 * MIB,
        b"x" + (b'{"' + b"a" * 100_000) * 40,
        b'x{"a":' + b"1" * 4 * MIB,
    ],
    ids=["braces", "open objects", "escapes", "halves", "bytes", "false starts", "digits"],
)
def test_a_second_reading_takes_no_longer_than_its_length(body: bytes) -> None:
    started_s = time.process_time()
    with pytest.raises(WireViolation):
        decode_answer(answer(body))
    assert time.process_time() - started_s < 10


def says_failure() -> dict[str, Callable[[dict[str, Any]], None]]:
    """Each place where an answer may say that it failed."""
    error = {"message": "Upstream broke off", "code": 502}
    return {
        "finish_reason": lambda it: it["choices"][0].update(finish_reason="error"),
        "finish_reason in capitals": lambda it: it["choices"][0].update(finish_reason="ERROR"),
        "finish_reason abort": lambda it: it["choices"][0].update(finish_reason="abort"),
        "top level": lambda it: it.update(error=error),
        "top level, a text": lambda it: it.update(error="Upstream broke off"),
        "choice": lambda it: it["choices"][0].update(error=error),
        "message": lambda it: it["choices"][0]["message"].update(error=error),
    }


@pytest.mark.parametrize("reason", ["stop", "end_turn", "length", "max_tokens", "tool_use", None])
@pytest.mark.parametrize("place", says_failure())
def test_an_answer_that_says_it_failed_is_never_ok(place: str, reason: str | None) -> None:
    payload = with_message(reason, content="Half of")
    says_failure()[place](payload)
    found, calls = ask(answer(json.dumps(payload).encode()))
    assert isinstance(found, WireViolation)
    assert "it says that it failed" in str(found)
    assert (calls, found.is_perhaps_billed, found.cost_nano_usd) == (3, True, 1_000_000)


@pytest.mark.parametrize("nothing", [None, False, 0, "", {}, [], {"code": None, "message": ""}])
@pytest.mark.parametrize("where", ["top", "choice", "message"])
def test_an_empty_error_is_no_failure(where: str, nothing: object) -> None:
    payload = with_message("stop")
    choice = payload["choices"][0]
    {"top": payload, "choice": choice, "message": choice["message"]}[where]["error"] = nothing
    assert decode_answer(answer(json.dumps(payload).encode())).status == "ok"


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
def test_a_refusal_beside_an_error_stays_a_refusal(reason: str) -> None:
    payload = with_message(reason, content=None) | {"error": {"message": "flagged"}}
    assert decode_answer(answer(json.dumps(payload).encode())).status == "refused"


STREAM_FAILURES = {
    "before, an event": [delta(content="Half"), {"error": {"message": "Overloaded"}}],
    "before, then finished": [{"error": "Overloaded"}, delta("stop", content="Half")],
    "with it, in the event": [{**delta("stop", content="Half"), "error": {"code": 502}}],
    "finish_reason": [delta(content="Half"), delta("error")],
    "finish_reason after another": [delta("stop", content="Half"), delta("error")],
}


@pytest.mark.parametrize("place", STREAM_FAILURES)
def test_a_stream_that_says_it_failed_is_never_ok(place: str) -> None:
    charge = {"choices": [], "meta": {"usage": {"usd_spent": 0.002}}}
    chunks = [*STREAM_FAILURES[place], charge]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    with pytest.raises(WireViolation) as failed:
        decode_answer(Answer(status=200, body=body))
    assert failed.value.cost_nano_usd == 2_000_000


@pytest.mark.parametrize("where", ["choice", "delta"])
def test_an_error_inside_a_streamed_choice_is_never_ok(where: str) -> None:
    chunk = delta("stop", content="Half")
    choice = chunk["choices"][0]
    {"choice": choice, "delta": choice["delta"]}[where]["error"] = {"message": "Overloaded"}
    body = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    with pytest.raises(WireViolation, match="Overloaded"):
        decode_answer(answer(body))
