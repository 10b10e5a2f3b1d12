"""The prompt cache: the beginnings of prompts that can be read again at a lower price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.faults.choice import draw_number
from aimlapi_simulator.schema.refusal import wrong_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimlapi_simulator.faults.script import Cache, Script
    from aimlapi_simulator.schema.chat_request import ChatRequest
    from aimlapi_simulator.schema.content import Mark

_ENTRIES_MAX = 10_000
"""Bounds the memory. A test uses far fewer prefixes."""
_HOUR_S = 3600.0


class Cached(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one call that were read from the cache, and written to it.

    Attributes:
        written_1h: the part of `written` that is kept for an hour.
    """

    read: int = 0
    written: int = 0
    written_1h: int = 0


class _Entry(msgspec.Struct, gc=False):
    """A stored prefix. It is readable from the start of the answer that wrote it until it expires."""

    readable_s: float
    until_s: float


NOTHING = Cached()


def check_marks(marks: Sequence[Mark], cache: Cache) -> None:
    """Refuse cache marks if the script says so.

    Raises:
        InvalidBody: the body has a mark.
    """
    if marks and cache.marks == "refused":
        raise wrong_value("cache_control", "no such parameter with this model", "'cache_control'")


class PromptCache:
    """The stored prefixes of each model. They expire five minutes or an hour after their last use."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, bytes], _Entry] = {}  # by model and digest of the prefix
        self._reads = 0  # counted, so that each read has a draw of its own

    def use_cache(
        self, chat: ChatRequest, script: Script, now_s: float, *, begins_s: float
    ) -> Cached:
        """Read the longest marked prefix that is stored, and write the marked prefixes beyond it.

        Args:
            chat: the request, with its marks in order.
            script: decides about marks and misses.
            now_s: when the call starts.
            begins_s: when the answer begins. Before that, no call can read what this call writes.
        """
        least = chat.model.cache_tokens_min
        marks = [mark for mark in chat.marks if mark.tokens >= least]
        if not marks or script.cache.marks == "ignored":
            return NOTHING
        if len(self._entries) >= _ENTRIES_MAX:
            self._entries.clear()
        model = chat.model.model_id
        is_missed = self._is_missed(script)
        read, written, written_1h = 0, 0, 0
        # A hit at a longer prefix replaces what shorter ones have read or written.
        for mark in marks:
            entry = self._entries.get((model, mark.digest))
            is_kept = entry is not None and now_s < entry.until_s
            if entry is not None and is_kept and entry.readable_s <= now_s and not is_missed:
                read, written, written_1h = mark.tokens, 0, 0
                entry.until_s = now_s + mark.ttl_s
                continue
            added = mark.tokens - read - written
            written += added
            written_1h += added if mark.ttl_s >= _HOUR_S else 0
            readable_s = min(begins_s, entry.readable_s) if entry and is_kept else begins_s
            self._entries[model, mark.digest] = _Entry(readable_s, begins_s + mark.ttl_s)
        return Cached(read=read, written=written, written_1h=written_1h)

    def _is_missed(self, script: Script) -> bool:
        self._reads += 1
        share = script.cache.miss_share
        return share > 0 and draw_number(script.seed, "cache", self._reads) < share
