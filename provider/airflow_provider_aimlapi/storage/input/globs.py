"""Glob patterns over object names: what they match, and what they may reach. No I/O.

Matching never backtracks. A segment is split at its `*` into pieces of fixed length, and each piece
is searched once, as far left as it fits. Folders are followed as a set of positions in the pattern. So
a match takes at most one comparison per folder of the name and segment of the pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.visible_names import DOTS
from airflow_provider_aimlapi.core.texts.typed_path import WILDCARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

IGNORED_FIRST = "_."
"""Names and folders that begin with these are not data: `_SUCCESS`, `_aimlapi/`, `.tmp/`. A hive
folder such as `_ds=1/` is data, as in Spark."""
ANY_FOLDERS = "**"
_HIVE_FOLDER = re.compile(r"_[^=]*=")
_TOKEN = re.compile(r"\*+|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


def split_glob(path: str) -> tuple[str, str]:
    """Return a path's fixed folder and the pattern after it, which is "" without a wildcard."""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        if not WILDCARDS.isdisjoint(segment):
            root = "/".join(segments[:index])
            is_disk = index == 1 and not root
            return "/" if is_disk else root, "/".join(segments[index:])
    return path, ""


def is_ignored(segment: str) -> bool:
    """Return whether a name or folder is not data."""
    return segment.startswith(tuple(IGNORED_FIRST)) and not _HIVE_FOLDER.match(segment)


def matches_glob(pattern: str, name: str) -> bool:
    """Return whether a glob includes a name: the name itself, or a folder that it is in.

    `*`, `?` and `[..]` stay within a folder, `**` is any number of folders. No wildcard matches
    a leading `_` or `.`; written out, these match. Nothing matches a folder named `.` or `..`.
    """
    segments = name.split("/")
    if not pattern:
        return not any(is_ignored(segment) for segment in segments)
    glob = _parsed_glob(pattern)
    # A file in a hidden folder is data only if the pattern writes that folder out.
    first_data = _first_of_data(segments)
    at = glob.start_positions()
    for taken, segment in enumerate(segments, start=1):
        at = glob.positions_after(at, segment)
        if glob.end_position in at and taken >= first_data:
            return True
    return False


def matches_itself(pattern: str, name: str) -> bool:
    """Return whether a glob matches a name itself, and not only a folder that it is in."""
    glob = _parsed_glob(pattern)
    at = glob.start_positions()
    for segment in name.split("/"):
        at = glob.positions_after(at, segment)
    return bool(pattern) and glob.end_position in at


def may_reach(pattern: str, folder: str) -> bool:
    """Return whether a glob could match any name in a folder."""
    glob = _parsed_glob(pattern)
    at = glob.start_positions()
    for segment in folder.split("/") if folder else ():
        at = glob.positions_after(at, segment, is_hidden_too=True)
        if glob.end_position in at:
            return True
    return bool(at)


def _first_of_data(segments: list[str]) -> int:
    """Return how many segments a pattern must write out so that all others are data."""
    hidden = (index for index, segment in enumerate(segments, start=1) if is_ignored(segment))
    return max(hidden, default=1)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A pattern of one segment, split at its `*`.

    Attributes:
        pieces: patterns of fixed lengths: the first begins the segment, the last ends it.
        last_size: how many characters the last piece matches.
        is_written_out: whether the first character is a literal.
    """

    pieces: tuple[re.Pattern[str], ...]
    last_size: int
    is_written_out: bool

    def matches_segment(self, segment: str) -> bool:
        """Return whether the pattern matches a whole segment."""
        if segment in DOTS or (is_ignored(segment) and not self.is_written_out):
            return False
        first, *middle = self.pieces
        if not middle:
            return first.fullmatch(segment) is not None
        last = middle.pop()
        found = first.match(segment)
        for piece in middle:
            # The first fit is enough. A later one leaves less room for the pieces that follow.
            found = found and piece.search(segment, found.end())
        start = len(segment) - self.last_size
        return found is not None and start >= found.end() and last.match(segment, start) is not None


@dataclass(frozen=True, slots=True)
class _Glob:
    """A pattern of folders; None stands for `**`. A position counts the matched segments."""

    segments: tuple[_Segment | None, ...]

    @property
    def end_position(self) -> int:
        """The position at which the whole pattern is matched."""
        return len(self.segments)

    def start_positions(self) -> frozenset[int]:
        """Return the positions before the first segment of a name."""
        return frozenset(self._with_skipped(0))

    def positions_after(
        self, at: frozenset[int], segment: str, *, is_hidden_too: bool = False
    ) -> frozenset[int]:
        """Return the positions after one more segment of a name.

        Args:
            is_hidden_too: whether `**` includes folders that are not data.
        """
        after: set[int] = set()
        is_data = is_hidden_too or not is_ignored(segment)
        for position in at - {self.end_position}:
            one = self.segments[position]
            if one is not None:
                after.update({position + 1} if one.matches_segment(segment) else ())
            elif is_data:
                after.update(
                    {position, position + 1} if position == self.end_position - 1 else {position}
                )
        return frozenset(after).union(*map(self._with_skipped, after))

    def _with_skipped(self, position: int) -> Iterator[int]:
        """Yield a position, and the next one if `**` may stand for no folder.

        The last segment stands for at least one folder.
        """
        yield position
        if position < self.end_position - 1 and self.segments[position] is None:
            yield position + 1


@lru_cache(maxsize=64)
def _parsed_glob(pattern: str) -> _Glob:
    segments: list[_Segment | None] = []
    for text in filter(None, pattern.split("/")):
        one = None if text == ANY_FOLDERS else _parsed_segment(text)
        if one is not None or segments[-1:] != [None]:  # a second ** has no effect
            segments.append(one)
    return _Glob(tuple(segments))


def _parsed_segment(text: str) -> _Segment:
    pieces: list[list[str]] = [[]]
    tokens = _TOKEN.findall(text)
    for token in tokens:
        if token.startswith("*"):
            pieces.append([])
        else:
            pieces[-1].append(_character_pattern(token))
    return _Segment(
        pieces=tuple(re.compile("".join(piece), re.DOTALL) for piece in pieces),
        last_size=len(pieces[-1]),
        is_written_out=len(tokens[0]) == 1 and tokens[0] not in WILDCARDS - {"["},
    )


def _character_pattern(text: str) -> str:
    """Return the regular expression of one character."""
    if text == "?":
        return "."
    if len(text) == 1:
        return re.escape(text)
    is_negated = text[1] in "!^"
    inner = text[2:-1] if is_negated else text[1:-1]
    if not inner:  # [!] and [^] stand for these characters
        return re.escape(text[1])
    # A range from a later to an earlier character contains nothing, as in fsspec. `re` refuses it.
    ranges = [
        f"{re.escape(first or single)}-{re.escape(last or single)}"
        for first, last, single in _RANGE.findall(inner)
        if single or first <= last
    ]
    if not ranges:
        return "." if is_negated else "(?!)"
    return f"[{'^' if is_negated else ''}{''.join(ranges)}]"
