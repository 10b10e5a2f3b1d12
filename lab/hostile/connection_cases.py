"""Connections that drip, break, switch, redirect, or send unrequested bytes."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from lab.hostile.case import Case
from lab.hostile.framing_cases import (
    BROKE,
    CHUNKED,
    LATE,
    NO_HTTP,
    then_closes,
    then_goes_on,
    then_waits,
)
from lab.hostile.hostile_server import DRIP_S, body_of, head, http

if TYPE_CHECKING:
    from lab.hostile.case import Script
    from lab.hostile.hostile_server import Exchange

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
STOLEN = http(body_of("This answer belongs to nobody."))
REFUSED = r"\AHTTP 30\d"


def drips(start: bytes, piece: bytes) -> Script:
    """Send the start, then the same piece again and again at a steady rate."""

    async def script(exchange: Exchange) -> None:
        await exchange.say([start])
        await exchange.drip(piece)

    return script


def redirects(status: str) -> Script:
    """Redirect the client to another server, with its prompt and its key."""

    async def script(exchange: Exchange) -> None:
        await exchange.say([http(b"", f"Location: {exchange.elsewhere_url}/v1", status=status)])

    return script


async def closes(exchange: Exchange) -> None:
    """Close without an answer."""
    exchange.hang_up()


async def resets(exchange: Exchange) -> None:
    """Reset without an answer."""
    exchange.reset()


async def resets_in_the_body(exchange: Exchange) -> None:
    """Reset in the middle of an answer."""
    await exchange.say([http(exchange.json())[:-20]])
    exchange.reset()


async def answers_twice(exchange: Exchange) -> None:
    """Send a second answer right after the first."""
    await exchange.say([http(exchange.json()) + STOLEN])


async def answers_idle_connections(exchange: Exchange) -> None:
    """Wait until the other rows' connections are idle, send an answer into each, then fail.

    The next request goes out over one of these connections.
    """
    await exchange.progress.all_others_well.wait()
    await asyncio.sleep(10 * DRIP_S)
    for other in exchange.progress.well[:]:
        await other.say([STOLEN])
    await exchange.say([http(b"", status="503 Service Unavailable")])


CASES = (
    Case(name="silence", says=then_waits(lambda _: []), words=LATE),
    Case(name="head that drips", says=drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), words=LATE),
    Case(name="body that drips", says=drips(head("Content-Length: 100000"), b" "), words=LATE),
    Case(name="chunk sizes that drip", says=drips(CHUNKED, b"0"), words=f"{LATE}|{NO_HTTP}"),
    Case(name="chunks that drip", says=drips(CHUNKED, b"1\r\n \r\n"), words=LATE),
    Case(name="interim answers that drip", says=drips(b"", CONTINUE), words=LATE),
    Case(
        name="interim answers without end",
        says=then_closes(lambda _: itertools.repeat(CONTINUE * 400)),
        words=NO_HTTP,
    ),
    Case(
        name="interim answers before the answer",
        says=then_goes_on(
            lambda x: [
                CONTINUE * 50,
                b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
                http(x.json()),
            ]
        ),
        ends="read",
    ),
    Case(
        name="switch to another protocol",
        says=then_waits(
            lambda _: [head("Connection: Upgrade", "Upgrade: websocket", status="101 Switching")]
        ),
        words=f"HTTP 101|{LATE}|{NO_HTTP}",
    ),
    Case(name="closed before an answer", says=closes, words=BROKE),
    Case(name="closed with the request unread", says=closes, words=BROKE, padding=400_000),
    Case(name="reset before an answer", says=resets, words=BROKE),
    Case(name="reset in mid body", says=resets_in_the_body, words=BROKE),
    Case(name="closed in the head", says=then_closes(lambda x: [http(x.json())[:30]]), words=BROKE),
    Case(name="no HTTP but the answer", says=then_closes(lambda x: [x.json()]), words=NO_HTTP),
    Case(
        name="another protocol", says=then_closes(lambda _: [b"SSH-2.0-x\r\n\r\n"]), words=NO_HTTP
    ),
    Case(name="TLS", says=then_closes(lambda _: [b"\x15\x03\x01\x00\x02\x02\x46"]), words=NO_HTTP),
    Case(
        name="HTTP 2",
        says=then_closes(
            lambda _: [b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"]
        ),
        words=NO_HTTP,
    ),
    Case(name="random bytes", says=then_closes(lambda _: [bytes(range(256)) * 50]), words=NO_HTTP),
    Case(name="two answers to one request", says=answers_twice, ends="read"),
    Case(
        name="answers on idle connections", says=answers_idle_connections, words=f"HTTP 503|{BROKE}"
    ),
    *(
        Case(name=f"redirect {status}", says=redirects(status), words=REFUSED)
        for status in ("301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent")
    ),
)
