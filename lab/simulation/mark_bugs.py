"""Seeded bugs of cache marks: each takes one promise-keeping line out of the real code."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.head_marks import CACHE_CONTROL, HeadMark
from airflow_provider_aimlapi.core.durable.keys import request_hash
from airflow_provider_aimlapi.core.marks import head_cache
from airflow_provider_aimlapi.core.marks.head_cache import HeadCache
from airflow_provider_aimlapi.engine.calls.marks.marked_calls import MarkedCalls
from lab.simulation.marks import simulate_marks
from lab.simulation.swapping import swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.engine.row import Row

SEEDS_MAX = 40
_mark = HeadMark.mark
_body_of = MarkedCalls.body_of


def _mark_all(_self: HeadMark, body: bytes) -> bytes:
    """Mark the row's text, too."""
    request = json.loads(body)
    text = request["messages"][0]["content"]
    part = {"type": "text", "text": text, "cache_control": CACHE_CONTROL}
    request["messages"][0]["content"] = [part]
    return json.dumps(request).encode()


def _mark_without_end(self: HeadMark, body: bytes) -> bytes | None:
    """Lose the last character of a row's text."""
    return _mark(self, body.replace(b'"}]}', b'X"}]}'))


def _keep_marked_hash(self: MarkedCalls, row: Row) -> bytes:
    body = _body_of(self, row)
    row.request_hash = request_hash(body)
    return body


@contextmanager
def _endless_lead() -> Iterator[None]:
    with (
        swapped(head_cache, "LEAD_S", 1e9),
        swapped(HeadCache, "ended", lambda *_: None),
    ):
        yield


MARK_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no call waits for the lead": lambda: swapped(HeadCache, "_needs_lead", lambda *_: False),
    "a lead that fails holds up the run": _endless_lead,
    "a refused mark rejects its row": lambda: swapped(MarkedCalls, "is_refused", lambda *_: False),
    "marks are never dropped": lambda: swapped(HeadCache, "_drop", lambda *_: None),
    "the text of a row is marked": lambda: swapped(HeadMark, "mark", _mark_all),
    "a mark changes the text": lambda: swapped(HeadMark, "mark", _mark_without_end),
    "the hash covers the mark": lambda: swapped(MarkedCalls, "body_of", _keep_marked_hash),
}


def caught_with_marks(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    with MARK_BUGS[name]():
        for seed in range(SEEDS_MAX):
            violations = simulate_marks(seed).violations
            if violations:
                return f"seed {seed}: {violations[0]}"
    return None
