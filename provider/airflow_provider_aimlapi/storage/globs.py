"""Glob patterns over object names: what they match, and where they may reach. No I/O."""

from __future__ import annotations

import re

WILDCARDS = frozenset("*?[")
IGNORED_FIRST = "_."
"""Names and folders that begin so are not data: `_SUCCESS`, `_aimlapi/`, `.tmp/`."""
_NOT_IGNORED = rf"(?![{re.escape(IGNORED_FIRST)}])"
_PIECE = re.compile(r"\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", re.DOTALL)


def split_glob(path: str) -> tuple[str, str]:
    """A path's fixed folder, and the pattern after it; "" when there is no wildcard."""
    segments = path.split("/")
    for index, segment in enumerate(segments):
        if not WILDCARDS.isdisjoint(segment):
            return "/".join(segments[:index]), "/".join(segments[index:])
    return path, ""


def is_ignored(segment: str) -> bool:
    """Whether a name or folder is not data."""
    return segment.startswith(tuple(IGNORED_FIRST))


def matches(pattern: str, name: str) -> bool:
    """Whether a glob takes a name in: itself, or a folder that it is in.

    `*`, `?` and `[..]` stay within a folder, `**` is any number of folders. No wildcard matches
    a leading `_` or `.`; written out, these match.
    """
    if not pattern:
        return not any(is_ignored(segment) for segment in name.split("/"))
    regex = re.compile(_regex(pattern), re.DOTALL)
    segments = name.split("/")
    for taken in range(len(segments), 0, -1):
        if regex.fullmatch("/".join(segments[:taken])):
            return not any(is_ignored(segment) for segment in segments[taken:])
    return False


def may_reach(pattern: str, folder: str) -> bool:
    """Whether a glob could match some name in a folder, whatever the name."""
    return _may_reach(tuple(pattern.split("/")), tuple(folder.split("/")))


def _may_reach(pattern: tuple[str, ...], folder: tuple[str, ...]) -> bool:
    if not pattern or not folder:
        return True
    if pattern[0] == "**":
        return _may_reach(pattern[1:], folder) or _may_reach(pattern, folder[1:])
    if not re.fullmatch(_segment_regex(pattern[0]), folder[0], re.DOTALL):
        return False
    return _may_reach(pattern[1:], folder[1:])


def _regex(pattern: str) -> str:
    regex = ""
    segments = pattern.strip("/").split("/")
    for index, segment in enumerate(segments):
        is_last = index == len(segments) - 1
        if segment == "**":
            folder = rf"{_NOT_IGNORED}[^/]+"
            regex += rf"(?:{folder}/)*{folder}" if is_last else rf"(?:{folder}/)*"
        else:
            regex += _segment_regex(segment) + ("" if is_last else "/")
    return regex


def _segment_regex(segment: str) -> str:
    regex = _NOT_IGNORED if segment[:1] in {"*", "?"} else ""
    for piece in _PIECE.findall(segment):
        if piece.startswith("*"):
            regex += "[^/]*"
        elif piece == "?":
            regex += "[^/]"
        elif piece.startswith("[") and len(piece) > 1:
            regex += _class_regex(piece[1:-1])
        else:
            regex += re.escape(piece)
    return regex


def _class_regex(characters: str) -> str:
    is_negated = characters[:1] in {"!", "^"}
    inner = characters[1:] if is_negated else characters
    inner = inner.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"(?!/)[{'^' if is_negated else ''}{inner.replace('^', chr(92) + '^')}]"
