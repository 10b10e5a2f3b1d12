"""Server-sent events that were not requested: endless, cut off, or empty."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from lab.hostile.body_cases import case
from lab.hostile.framing_cases import LATE, then_closes, then_goes_on, then_waits
from lab.hostile.hostile_server import head, http

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.hostile.hostile_server import Exchange

EVENTS = "text/event-stream"
NO_LENGTH = head(kind=EVENTS)
CUT = "cut off before its finish_reason"
LARGER = "larger than 4,194,304 bytes"
MIB = 1024 * 1024


def event(value: Any) -> bytes:
    """Return one event."""
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def delta(**fields: Any) -> bytes:
    """Return an event that adds to the answer."""
    return event({"choices": [{"index": 0, "delta": fields}]})


LAST = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def whole(exchange: Exchange) -> bytes:
    """Return the right answer as events."""
    return delta(content=exchange.text) + LAST


def full_of(filler: bytes, exchange: Exchange) -> list[bytes]:
    """Yield filler of almost the allowed length, then the right answer."""
    rest = whole(exchange)
    return [
        http(filler * ((4 * MIB - len(rest) - 10) // len(filler)) + b"\n\n" + rest, kind=EVENTS)
    ]


def without_end(piece: bytes) -> Iterable[bytes]:
    """Yield the piece without end."""
    return itertools.chain([NO_LENGTH], itertools.repeat(piece * (65_536 // len(piece))))


MANY_CALLS = b"".join(
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":%d}]}}]}\n\n' % number
    for number in range(60_000)
)
MANY_USAGES = b"".join(b'data: {"usage":{"u%d":1}}\n\n' % number for number in range(100_000))


CASES = (
    case("events", then_closes(lambda x: [NO_LENGTH, whole(x)])),
    case("comments without end", then_closes(lambda _: without_end(b": still here\n\n")), LARGER),
    case("blank lines without end", then_closes(lambda _: without_end(b"\n")), LARGER),
    case("events without end", then_closes(lambda _: without_end(delta(content="a"))), LARGER),
    case("event without end", then_closes(lambda _: without_end(b"data: x\n")), LARGER),
    case(
        "answer and comments without end",
        then_closes(lambda x: itertools.chain([NO_LENGTH, whole(x)], without_end(b":\n"))),
        LARGER,
    ),
    case("stream left open", then_waits(lambda x: [NO_LENGTH, whole(x)]), LATE),
    case("stream cut off", then_closes(lambda x: [NO_LENGTH, delta(content=x.text)]), CUT),
    case(
        "stream cut off in an event",
        then_closes(lambda x: [NO_LENGTH, whole(x)[:-20]]),
        "not valid JSON",
    ),
    case("empty stream", then_closes(lambda _: [NO_LENGTH]), "it is empty|cut off"),
    case("stream full of blank lines", then_goes_on(lambda x: full_of(b"\n", x))),
    case("stream full of comments", then_goes_on(lambda x: full_of(b"::\n", x))),
    case("stream full of other fields", then_goes_on(lambda x: full_of(b"id:7\n", x))),
    case("stream full of empty data", then_goes_on(lambda x: full_of(b"data:\n", x))),
    case(
        "stream of many tool calls",
        then_goes_on(lambda x: [http(MANY_CALLS + whole(x), kind=EVENTS)]),
        "more than 1,000 tool calls",
    ),
    case(
        "stream of many usages",
        then_goes_on(lambda x: [http(MANY_USAGES + whole(x), kind=EVENTS)]),
    ),
    case(
        "stream with an error in it",
        then_goes_on(lambda _: [http(event({"error": {"message": "overloaded"}}), kind=EVENTS)]),
        "broke off with an error: overloaded",
    ),
    case(
        "stream with a deep event",
        then_goes_on(
            lambda x: [http(b'data: {"a":' + b"[" * 200_000 + b"\n\n" + whole(x), kind=EVENTS)]
        ),
        "more than 100,000 values",
    ),
    case(
        "stream of nulls",
        then_goes_on(lambda x: [http(event(None) * 1_000 + event([1]) + whole(x), kind=EVENTS)]),
    ),
)
