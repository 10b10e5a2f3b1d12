"""Ways in which an API may repeat a text, the places where it may put it, and how to find it again."""

from __future__ import annotations

import base64
import codecs
import html
import json
import re
import urllib.parse
from typing import TYPE_CHECKING

from tests.fakes.echoing_api import GOOD, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WINDOW = 8
ZERO_WIDTH = "\u200b"
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}

DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "upper": str.upper,
    "lower": str.lower,
    "swapped": str.swapcase,
    "backwards": lambda text: text[::-1],
    "words backwards": lambda text: " ".join(text.split()[::-1]),
    "spaced": " ".join,
    "dashed": "-".join,
    "split by zero width": ZERO_WIDTH.join,
    "one word a line": lambda text: "\n".join(text.split()),
    "in pairs": lambda text: " ".join(re.findall("..?", text)),
    "JSON": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "HTML": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(character):x};" for character in text),
    "HTML, named": lambda text: html.escape(f"<b>{text}</b>"),
    "URL": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "URL, quoted": urllib.parse.quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, shifted": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "codes": lambda text: " ".join(str(ord(character)) for character in text),
    "binary": lambda text: " ".join(f"{ord(character):b}" for character in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "full width": lambda text: text.translate(FULL_WIDTH),
    "coloured": lambda text: "\x1b[31m".join(text.split()),
    "among other words": lambda text: " the maximum ".join(text.split()),
    "beginning": lambda text: text[: WINDOW + 2],
    "end": lambda text: text[-WINDOW - 2 :],
}


def letters(text: str) -> str:
    """Letters and digits alone, in one case: however a text is taken apart, it shows here."""
    return "".join(filter(str.isalnum, text.casefold()))


def traces(secret: str) -> frozenset[str]:
    """Pieces of a text in every disguise, as `letters` shows them."""
    found = {word.casefold() for word in re.findall(r"\w{6,}", secret)}
    found |= {word[::-1] for word in found}
    for disguise in DISGUISES.values():
        shown = letters(disguise(secret).replace("the maximum", ""))
        window = 2 * WINDOW if shown.isdecimal() else WINDOW  # counts and times are digits, too
        found |= {shown[place : place + window] for place in range(len(shown) - window + 1)}
    return frozenset(found)


def found_in(text: str, pieces: Iterable[str]) -> list[str]:
    """Which of the pieces stand in a text."""
    shown = letters(text)
    return sorted(piece for piece in pieces if piece in shown)


def _json(value: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()


def _vendor(said: str) -> str:
    return json.dumps({"type": "error", "error": {"type": "invalid_request", "message": said}})


def _escaped(said: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in said)


BODIES: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "message": lambda said: _json({"message": said, "requestId": said, "path": said}),
    "error.message": lambda said: _json({"error": {"message": said, "type": said, "code": said}}),
    "error": lambda said: _json({"error": said}),
    "error.name": lambda said: _json({"error": {"name": said, "type": said}}),
    "detail": lambda said: _json({"detail": said, "title": said, "instance": said}),
    "title": lambda said: _json({"title": said, "type": said, "status": said}),
    "list": lambda said: _json({"message": ["invalid", said], "request_id": said}),
    "split over fields": lambda said: _json(
        {"message": said[: len(said) // 2], "error": {"message": said[len(said) // 2 :]}}
    ),
    "raw JSON escapes": lambda said: (
        "application/json",
        b'{"message": "%b"}' % "".join(f"\\u{ord(one):04X}" for one in said).encode(),
    ),
    "details": lambda said: _json(
        {"message": "Validation failed", "error": {"details": [{"path": said, "reason": said}]}}
    ),
    "details of other kinds": lambda said: _json(
        {"detail": [{"loc": ["body", said], "msg": said}], "errors": [said, {"param": said}]}
    ),
    "a vendor's text": lambda said: _json({"message": f"400 {_vendor(said)}"}),
    "a text in a vendor's text": lambda said: _json({"message": _vendor(f"400 {_vendor(said)}")}),
    "a vendor's text alone": lambda said: ("text/plain", f"400 {_vendor(said)}".encode()),
    "a vendor's text, escaped": lambda said: _json(
        {"message": f"400 {_vendor(said)}".replace(said, _escaped(said))}
    ),
    "HTML title": lambda said: ("text/html", f"<html><title>{said}</title>{said}".encode()),
    "plain text": lambda said: ("text/plain", said.encode("utf-8", "replace")),
    "nested": lambda said: _json({"errors": [{said: said}], said: {"message": said}}),
}
HEADERS = (
    "X-Request-Id",
    "X-Inference-Id",
    "Retry-After",
    "Location",
    "Server",
    "X-Aimlapi-Usd-Spent",
    "WWW-Authenticate",
)
REFUSED = (400, 413, 418, 422)
HALTING = (301, 302, 307, 308, 401, 402, 403, 404, 405)
UNAVAILABLE = (408, 409, 425, 429, 500, 502, 503, 504, 529)
ODD = (600, 999)


def in_header(said: str) -> str:
    """As much of a text as a header can hold."""
    return "".join(one if " " <= one <= "~" else " " for one in said)[:300].strip() or "x"


def error_reply(status: int, place: str, said: str) -> Reply:
    """An error with a text in its body, its headers and its reason phrase."""
    kind, body = BODIES[place](said)
    headers = dict.fromkeys(HEADERS, in_header(said)) | {
        "Content-Type": f"{kind}; {in_header(said)}"
    }
    return Reply(status=status, reason=in_header(said), headers=headers, body=body)


def unusable_replies(said: str) -> Iterator[tuple[str, Reply]]:
    """Answers of status 200 that hold no completion, each with a name."""
    headers = dict.fromkeys(HEADERS, in_header(said))
    json_headers = headers | {"Content-Type": "application/json"}
    events = headers | {"Content-Type": "text/event-stream"}
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": said}}]})
    for name, value in (
        ("error inside", {"error": {"message": said, "code": said}}),
        ("no choices", {"message": said, "choices": []}),
        ("choice without message", {**GOOD, "choices": [{"text": said}]}),
        ("content of no kind", {**GOOD, "choices": [{"message": {"content": {said: said}}}]}),
    ):
        yield name, Reply(headers=json_headers, body=json.dumps(value).encode())
    yield "no JSON", Reply(headers=json_headers, body=f'{{"choices": {said}'.encode())
    yield "plain text", Reply(headers=json_headers, body=said.encode())
    yield "web page", Reply(headers=headers, body=f"<html><title>{said}</title>".encode())
    yield (
        "not UTF-8",
        Reply(headers=json_headers, body=b'{"choices": "' + said.encode() + b'\xff"}'),
    )
    broken = f"data: {chunk}\n\ndata: {json.dumps({'error': {'message': said}})}\n\n"
    yield "error among events", Reply(headers=events, body=broken.encode())
    yield "events cut off", Reply(headers=events, body=f"data: {chunk}\n\n".encode())
    yield "event of no JSON", Reply(headers=events, body=f"data: {{{said}\n\n".encode())
    encoded = json_headers | {"Content-Encoding": in_header(said)}
    yield "unknown encoding", Reply(headers=encoded, body=b"{}")
