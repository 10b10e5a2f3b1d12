"""What happened, in virtual time: kept for each seed, printed for those that fail."""

from __future__ import annotations

import re

_SCRATCH = re.compile(r"probe-[0-9a-f]+")
_RUN = re.compile(r"_aimlapi/[0-9a-f]{32}/")


class History:
    """Lines of who did what, when."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, str, str]] = []

    def add(self, now_s: float, who: str, event: str) -> None:
        """Keep one event."""
        self._entries.append((now_s, who, event))

    def lines(self) -> list[str]:
        """Return all events as text, without the names that no seed decides: scratch and run key."""
        return [f"{at_s:10.3f}  {who:12} {_plain(event)}" for at_s, who, event in self._entries]


def _plain(event: str) -> str:
    return _RUN.sub("", _SCRATCH.sub("probe", event))
