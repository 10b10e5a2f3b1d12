"""Bodies that are no completion, or one with nonsense in it, in honest HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lab.hostile.case import KEY, Case
from lab.hostile.framing_cases import then_goes_on
from lab.hostile.hostile_server import http

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.hostile.case import Script
    from lab.hostile.hostile_server import Exchange

DEEP = 200_000
NOT_JSON = "not valid JSON"
TOO_MANY = "more than 100,000 values"
NO_CHOICES = "holds no choices"
FAILED = "it says that it failed"
NO_MESSAGE = "holds no message"
NO_TEXT = "neither text nor a list of parts"
HUGE = 10_000_000
MIB = 1024 * 1024
HTML = b"<!DOCTYPE html><html><head><title>Checking your browser</title></head></html>"
ESCAPED_KEY = "".join(f"\\u{ord(character):04x}" for character in KEY)


def body(make: Callable[[Exchange], bytes], *fields: str, status: str = "200 OK") -> Script:
    """Return an answer with this body and a correct length."""
    return then_goes_on(lambda exchange: [http(make(exchange), *fields, status=status)])


def swapped(old: str, new: str) -> Script:
    """Replace a text in the right answer's JSON, which must contain it."""

    def make(exchange: Exchange) -> bytes:
        whole = exchange.json()
        assert old.encode() in whole
        return whole.replace(old.encode(), new.encode(), 1)

    return body(make)


def with_usage(**usage: Any) -> Script:
    """Return the right answer with this usage."""
    return body(lambda x: x.json(usage=usage))


def with_padding(exchange: Exchange, value: bytes) -> bytes:
    """Add a field with this JSON, which the provider does not need, to the right answer."""
    return exchange.json()[:-1] + b', "padding": ' + value + b"}"


def padded(value: bytes) -> Script:
    """Do as `with_padding`, with a value that is made before, so that no other row waits for it."""
    return body(lambda exchange: with_padding(exchange, value))


def case(name: str, says: Script, words: str = "") -> Case:
    return Case(name=name, says=says, words=words, ends="asked again" if words else "read")


def costly(name: str, says: Script, words: str) -> Case:
    """Return an answer without a completion that still reports its cost."""
    return Case(name=name, says=says, words=words, tells_cost=True)


JSON_CASES = (
    case("NaN", swapped("0.001", "NaN")),
    case("Infinity", swapped("0.001", "-Infinity")),
    case("cost of 1e999", swapped("0.001", "1e999")),
    case("deep lists", body(lambda _: b"[" * DEEP + b"]" * DEEP), TOO_MANY),
    case("deep objects", body(lambda _: b'{"choices":' * DEEP + b"1" + b"}" * DEEP), TOO_MANY),
    case("deep where nobody looks", swapped("1780000000", "[" * DEEP + "]" * DEEP), TOO_MANY),
    case("deep lists in few bytes", body(lambda _: b"[" * 60_000), NOT_JSON),
    case("duplicate keys", swapped('"content": ', '"content": "not this", "content": ')),
    case("lone surrogate", swapped("gen-1", "gen-\\ud83d")),
    case("line breaks in a text", swapped("gen-1", "gen-\n\n1")),
    case("two values", body(lambda x: x.json() * 2), "more than one completion"),
    case("comments in front", body(lambda x: b": keep-alive\n\n" * 9 + x.json())),
    case("a guard in front", body(lambda x: b")]}'\n" + x.json() + b"\n")),
    case("cut off", body(lambda x: x.json()[:-30]), NOT_JSON),
    case("UTF-16", body(lambda x: x.json().decode().encode("utf-16"))),
    case("latin-1", swapped("gen-1", "gen-\\u00e9"), ""),
    case("latin-1 bytes", body(lambda x: x.json().replace(b"gen-1", b"gen-\xe9"))),
    case("byte order mark", body(lambda x: b"\xef\xbb\xbf" + x.json())),
    case(
        "UTF-8 unescaped",
        body(lambda x: json.dumps(json.loads(x.json()), ensure_ascii=False).encode()),
    ),
    case("string of 10 MB", padded(b'"' + b"x" * HUGE + b'"'), "larger than 4,194,304 bytes"),
    case(
        "string of 3 MB and an emoji",
        padded('"👩'.encode() + b"x" * 3 * MIB + b'"'),
    ),
    case(
        "a million empty objects",
        padded(b"[" + b"{}," * 1_000_000 + b"1]"),
        TOO_MANY,
    ),
    case("a million numbers", padded(b"[" + b"1," * 1_000_000 + b"1]"), TOO_MANY),
    case(
        "a hundred thousand keys",
        padded(b"{" + b"".join(b'"k%d":{},' % n for n in range(150_000)) + b'"k":1}'),
        TOO_MANY,
    ),
    case("number of a million digits", swapped("1780000000", "1" * 1_000_000)),
)
OTHER_CASES = (
    case("HTML with 200", body(lambda _: HTML), "a web page: Checking your browser"),
    case(
        "HTML as an event stream",
        then_goes_on(lambda _: [http(HTML, kind="text/event-stream")]),
        "cannot be used",
    ),
    case("empty 200", body(lambda _: b""), "it is empty"),
    case("blank 200", body(lambda _: b" \r\n" * 500_000), "it is empty"),
    case(
        "204", then_goes_on(lambda _: [b"HTTP/1.1 204 No Content\r\n\r\n"]), "HTTP 204.*it is empty"
    ),
    case("206", body(lambda x: x.json(), status="206 Partial Content")),
    case("a list", body(lambda x: b"[" + x.json() + b"]"), "no JSON object"),
    case("null", body(lambda _: b"null"), "no JSON object"),
    case(
        "no content type",
        then_goes_on(
            lambda x: [http(x.json()).replace(b"Content-Type: application/json\r\n", b"")]
        ),
    ),
    case(
        "an error of two million characters",
        body(lambda _: b'{"message": "' + b"no " * 700_000 + b'"}', status="500 Oh"),
        "HTTP 500: no no",
    ),
    case(
        "an error that is binary",
        body(lambda _: bytes(range(256)) * 9, status="502 Bad"),
        "HTTP 502",
    ),
    case(
        "a retry date of long ago",
        body(lambda _: b"{}", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT", status="503 No"),
        "HTTP 503",
    ),
    case(
        "a negative retry",
        body(lambda _: b"{}", "Retry-After: -1e999", status="503 No"),
        "HTTP 503",
    ),
)
FIELD_CASES = (
    costly(
        "choices as an object", body(lambda x: x.json(choices={"0": {"message": {}}})), NO_CHOICES
    ),
    costly("failure beside the choice", body(lambda x: x.json(error={"message": "oh"})), FAILED),
    costly("failure in the choice", body(lambda x: x.choice(finish_reason="error")), FAILED),
    costly("no choices", body(lambda x: x.json(choices=[])), NO_CHOICES),
    costly("choice that is null", body(lambda x: x.json(choices=[None])), NO_MESSAGE),
    costly("message that is a text", body(lambda x: x.choice(message="hi")), NO_MESSAGE),
    costly("content that is a number", body(lambda x: x.choice(message={"content": 5})), NO_TEXT),
    costly(
        "content that is an object",
        body(lambda x: x.choice(message={"content": {"text": "a"}})),
        NO_TEXT,
    ),
    case(
        "content in parts",
        body(lambda x: x.choice(message={"content": [{"type": "text", "text": x.text}, None, 5]})),
    ),
    case("finish reason that is a number", body(lambda x: x.choice(finish_reason=17))),
    case("finish reason that is a list", body(lambda x: x.choice(finish_reason=["stop", {}]))),
    case("finish reason of a megabyte", body(lambda x: x.choice(finish_reason="x" * MIB))),
    case(
        "tool calls that are none",
        body(
            lambda x: x.choice(
                message={"content": x.text, "tool_calls": [5, None, {"function": []}]}
            )
        ),
    ),
    case("negative usage", with_usage(prompt_tokens=-5, completion_tokens=-(2**63))),
    case("absurd usage", with_usage(prompt_tokens=2**63 - 1, completion_tokens=10**30)),
    case("usage as a text", body(lambda x: x.json(usage="much", meta=["usage"]))),
    case("negative cost", body(lambda x: x.json(), "X-AIMLAPI-USD-Spent: -5")),
    case("absurd cost", body(lambda x: x.json(), "X-AIMLAPI-USD-Spent: 1e30")),
    case(
        "credits that are junk",
        body(lambda x: x.json(), "X-AIMLAPI-Credits-Used: 1; DROP TABLE runs"),
    ),
    case("credits that are no number", body(lambda x: x.json(), "X-AIMLAPI-Credits-Used: NaN")),
    case(
        "credits of 9,000 digits",
        body(lambda x: x.json(), "X-AIMLAPI-Credits-Used: " + "9" * 8_000),
    ),
)
KEY_CASES = (
    case(
        "key in an error",
        body(lambda _: json.dumps({"message": f"Wrong key {KEY}"}).encode(), status="400 No"),
        "HTTP 400",
    ),
    case(
        "key in an error, escaped",
        body(lambda _: f'{{"message": "Key {ESCAPED_KEY}"}}'.encode(), status="400 No"),
        "HTTP 400",
    ),
    case("key in a page", body(lambda _: f"<title>No {KEY}</title>".encode()), "a web page: No"),
    case(
        "key where choices should be",
        body(lambda _: json.dumps({"error": {"message": KEY}}).encode()),
        NO_CHOICES,
    ),
    case("key in the reason phrase", body(lambda _: b"{}", status=f"500 Wrong {KEY}"), "HTTP 500"),
    case(
        "key in the request id",
        body(lambda _: b"{}", f"X-Request-Id: {KEY}", status="500 No"),
        "HTTP 500",
    ),
    case("key in the inference id", body(lambda x: x.json(), f"X-Inference-Id: {KEY}")),
    case("key in the model's name", body(lambda x: x.json(model=KEY))),
    case(
        "key in bad HTTP",
        then_goes_on(lambda _: [f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()]),
        "did not answer in HTTP",
    ),
    case(
        "key in the encoding",
        body(lambda x: x.json(), f"Content-Encoding: {KEY}"),
        "was not requested",
    ),
)
CASES = (*JSON_CASES, *OTHER_CASES, *FIELD_CASES, *KEY_CASES)
