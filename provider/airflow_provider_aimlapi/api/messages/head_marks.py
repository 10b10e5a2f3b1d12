"""Cache marks in a request's bytes. A mark asks the API to keep the head in its prompt cache.

The head is what all requests of a run begin with: tools, system text, examples, and the prompt up to
its first column. A mark is put in when a request is sent. So a request's bytes, and their hash, are the
same with and without it.

A mark ends a part of a text. If the head ends inside the prompt or the system text, that text is sent as
two parts: the head, and the rest with the row's values. A row's text cannot get into the first part,
because the bytes before the cut must be the head's own, and are replaced by a constant.
"""

from __future__ import annotations

import re

CACHE_CONTROL = {"type": "ephemeral"}
"""A mark. The cache keeps the head for five minutes after its last use, which is the API's default."""
_OPEN = b'[{"type":"text","text":'
_MARK = b',"cache_control":{"type":"ephemeral"}}'
_NEXT = b',{"type":"text","text":"'
_BLANK = re.compile(rb'(?: |\\[bfnrt]|\\u00[01][0-9a-fA-F])*+"')
"""The rest of a JSON string that holds nothing visible. The API refuses such a part."""


class HeadMark:
    """The mark of all requests in one form.

    Args:
        head: the bytes with which each request begins.
        marked: the bytes that are sent instead.
        after: what follows the text in which the head ends, from its last quotation mark on; empty
            if the head ends with a whole text. It holds a quotation mark that no backslash
            precedes, so no text of a row contains it.
    """

    __slots__ = ("_after", "_head", "_marked")

    def __init__(self, head: bytes, marked: bytes, after: bytes = b"") -> None:
        self._head = head
        self._marked = marked
        self._after = after

    @property
    def head_bytes(self) -> int:
        """Return the size of the head in a request without marks."""
        return len(self._head)

    def mark(self, body: bytes) -> bytes | None:
        """Return a request with the mark; None if it does not have the head, or nothing after it."""
        start = len(self._head)
        if not body.startswith(self._head):
            return None
        if not self._after:
            return b"".join((self._marked, body[start:]))
        if _BLANK.match(body, start):
            return None
        end = body.rindex(self._after, start) + 1
        return b"".join((self._marked, body[start:end], b"}]", body[end:]))


def mark_whole(before: bytes, text: bytes, after: bytes) -> HeadMark:
    """Return the mark of a head that ends with a whole text.

    Args:
        before: the bytes before the text.
        text: a JSON string.
        after: the constant bytes that follow it.
    """
    return HeadMark(before + text + after, before + _OPEN + text + _MARK + b"]" + after)


def mark_inside(before: bytes, text: bytes, after: bytes) -> HeadMark:
    """Return the mark of a head that ends inside a text.

    Args:
        before: the bytes before the text.
        text: the beginning of the text, as a JSON string.
        after: the bytes that follow the whole text, from its last quotation mark on.
    """
    return HeadMark(before + text[:-1], before + _OPEN + text + _MARK + _NEXT, after)
