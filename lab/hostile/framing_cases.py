"""Answers whose HTTP lies about itself: lengths, chunks, header fields, status lines."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lab.hostile.case import Case
from lab.hostile.hostile_server import PIECE_BYTES, head, http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.hostile.case import Script
    from lab.hostile.hostile_server import Exchange

CHUNKED = head("Transfer-Encoding: chunked")
NO_HTTP = "did not answer in HTTP"
BROKE = "broke before the answer was whole"
LATE = r"No whole answer from http://127\.0\.0\.1:\d+ within 3 s"
UNUSABLE = "the answer cannot be used"


def then_closes(pieces: Callable[[Exchange], Iterable[bytes]]) -> Script:
    """Send the pieces and close."""

    async def script(exchange: Exchange) -> None:
        await exchange.say(pieces(exchange))
        exchange.hang_up()

    return script


def then_waits(pieces: Callable[[Exchange], Iterable[bytes]]) -> Script:
    """Send the pieces, then nothing more for as long as the client waits."""

    async def script(exchange: Exchange) -> None:
        await exchange.say(pieces(exchange))
        await exchange.until_gone()

    return script


def then_goes_on(pieces: Callable[[Exchange], Iterable[bytes]]) -> Script:
    """Send the pieces, then accept the next request on the same connection."""

    async def script(exchange: Exchange) -> None:
        await exchange.say(pieces(exchange))

    return script


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def with_fields(*fields: bytes) -> Callable[[Exchange], Iterable[bytes]]:
    """Return the right answer with other header fields, without a length."""

    def pieces(exchange: Exchange) -> Iterable[bytes]:
        yield (
            b"".join((b"HTTP/1.1 200 OK\r\n", *(field + b"\r\n" for field in fields), b"\r\n"))
            + exchange.json()
        )

    return pieces


def status_line(line: bytes) -> Callable[[Exchange], Iterable[bytes]]:
    """Return the right answer with another status line."""
    return lambda x: [line + b"\r\n" + http(x.json()).partition(b"\r\n")[2]]


def many_fields() -> Iterable[bytes]:
    """Yield header fields without end."""
    yield b"HTTP/1.1 200 OK\r\n"
    yield from (b"X-Filler-%d: x\r\n" % number for number in itertools.count())


def both_lengths(exchange: Exchange) -> Iterable[bytes]:
    """Return a chunked body whose Content-Length would end it inside the first chunk."""
    yield head("Transfer-Encoding: chunked", "Content-Length: 5") + chunk(exchange.json())
    yield b"0\r\n\r\n"


def shorter(exchange: Exchange, by: int) -> bytes:
    """Return the right answer with a Content-Length that is wrong by this number."""
    body = exchange.json()
    return head(f"Content-Length: {len(body) - by}") + body


LENGTH_CASES = (
    Case(
        name="length too long and closed",
        says=then_closes(lambda x: [shorter(x, -50)]),
        words=BROKE,
    ),
    Case(
        name="length too long and silent", says=then_waits(lambda x: [shorter(x, -50)]), words=LATE
    ),
    Case(
        name="length too short",
        says=then_goes_on(lambda x: [shorter(x, 20)]),
        words=f"{NO_HTTP}|not valid JSON",
    ),
    Case(
        name="length negative", says=then_closes(with_fields(b"Content-Length: -5")), words=NO_HTTP
    ),
    Case(name="length signed", says=then_closes(with_fields(b"Content-Length: +5")), words=NO_HTTP),
    Case(
        name="length in words", says=then_closes(with_fields(b"Content-Length: all")), words=NO_HTTP
    ),
    Case(
        name="length of forty digits",
        says=then_closes(with_fields(b"Content-Length: " + b"9" * 40)),
        words=NO_HTTP,
    ),
    Case(
        name="two lengths",
        says=then_closes(with_fields(b"Content-Length: 5", b"Content-Length: 6")),
        words=NO_HTTP,
    ),
    Case(
        name="two lengths in one field",
        says=then_closes(with_fields(b"Content-Length: 5, 6")),
        words=NO_HTTP,
    ),
    Case(name="length and chunks", says=then_closes(both_lengths), words=f"{NO_HTTP}|{UNUSABLE}"),
    Case(name="no length and closed", says=then_closes(with_fields(b"X-A: b")), ends="read"),
    Case(
        name="no length and cut off",
        says=then_closes(lambda x: [head() + x.json()[:-30]]),
        words="not valid JSON",
    ),
)
CHUNK_CASES = (
    Case(
        name="chunks without end",
        says=then_closes(
            lambda _: itertools.chain([CHUNKED], itertools.repeat(chunk(b" " * PIECE_BYTES)))
        ),
        words=r"larger than 4,194,304 bytes",
    ),
    Case(
        name="chunks of one byte without end",
        says=then_closes(
            lambda _: itertools.chain([CHUNKED], itertools.repeat(chunk(b" ") * 9_000))
        ),
        words=r"larger than 4,194,304 bytes|" + LATE,
    ),
    Case(
        name="chunk size in words",
        says=then_closes(lambda _: [CHUNKED + b"all\r\n"]),
        words=NO_HTTP,
    ),
    Case(
        name="chunk size negative", says=then_closes(lambda _: [CHUNKED + b"-5\r\n"]), words=NO_HTTP
    ),
    Case(
        name="chunk size of forty digits",
        says=then_closes(lambda _: [CHUNKED + b"f" * 40 + b"\r\n{}"]),
        words=NO_HTTP,
    ),
    Case(
        name="chunk longer than its size",
        says=then_waits(lambda x: [CHUNKED, b"5\r\n", x.json(), b"\r\n0\r\n\r\n"]),
        words=f"{NO_HTTP}|{LATE}",
    ),
    Case(
        name="chunks without the last",
        says=then_closes(lambda x: [CHUNKED, chunk(x.json())]),
        words=BROKE,
    ),
    Case(
        name="chunk extension without end",
        says=then_closes(
            lambda _: itertools.chain([CHUNKED + b"5;"], itertools.repeat(b"x" * PIECE_BYTES))
        ),
        words=f"{NO_HTTP}|{LATE}",
    ),
    Case(
        name="chunk extensions",
        says=then_goes_on(
            lambda x: [CHUNKED, chunk(x.json()).replace(b"\r\n", b";a=b;c\r\n", 1), b"0\r\n\r\n"]
        ),
        ends="read",
    ),
    Case(
        name="trailers without end",
        says=then_closes(
            lambda x: itertools.chain(
                [CHUNKED, chunk(x.json()), b"0\r\n"],
                itertools.repeat(b"X-Filler: xxxxxxxx\r\n" * 500),
            )
        ),
        words=f"{NO_HTTP}|{LATE}|{BROKE}",
    ),
    Case(
        name="transfer encoding unknown",
        says=then_closes(with_fields(b"Transfer-Encoding: secret")),
        ends="read",
    ),
)
HEAD_CASES = (
    Case(name="fields without end", says=then_closes(lambda _: many_fields()), words=NO_HTTP),
    Case(
        name="field without end",
        says=then_closes(
            lambda _: itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"x" * 9_000))
        ),
        words=NO_HTTP,
    ),
    Case(
        name="field name without end",
        says=then_closes(
            lambda _: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"x" * 9_000))
        ),
        words=NO_HTTP,
    ),
    Case(
        name="status line without end",
        says=then_closes(
            lambda _: itertools.chain([b"HTTP/1.1 200 "], itertools.repeat(b"x" * 9_000))
        ),
        words=NO_HTTP,
    ),
    Case(
        name="status line of long digits",
        says=then_closes(status_line(b"HTTP/1.1 2000000000000000000000 OK")),
        words=NO_HTTP,
    ),
    Case(name="status 999", says=then_closes(status_line(b"HTTP/1.1 999 No")), words="HTTP 999"),
    Case(name="status 000", says=then_closes(status_line(b"HTTP/1.1 000 No")), words="HTTP"),
    Case(
        name="status without reason", says=then_goes_on(status_line(b"HTTP/1.1 200")), ends="read"
    ),
    Case(name="another version", says=then_closes(status_line(b"HTTP/7.3 200 OK")), words=NO_HTTP),
    Case(
        name="folded field",
        says=then_goes_on(
            lambda x: [http(x.json(), "X-Inference-Id: gen-1\r\n X-AIMLAPI-USD-Spent: 999")]
        ),
        words=NO_HTTP,
    ),
    Case(
        name="NUL in a field",
        says=then_closes(lambda x: [http(x.json(), "X-Inference-Id: gen\x00-1")]),
        words=NO_HTTP,
    ),
    Case(
        name="space before the colon",
        says=then_closes(lambda x: [http(x.json(), "X-Inference-Id : gen-1")]),
        words=NO_HTTP,
    ),
    Case(
        name="field that is no latin letter",
        says=then_goes_on(lambda x: [http(x.json(), "X-Inference-Id: \xff\xfe\x80")]),
        ends="read",
    ),
)
CASES = (*LENGTH_CASES, *CHUNK_CASES, *HEAD_CASES)
