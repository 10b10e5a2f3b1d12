"""Finds out which model ids an error may print, and which id is nearest to a mistyped one. Pure.

A name from outside may hold a row's text. So an id is printed only if all its words are words of
Claude models' ids, words of the id that the user chose, versions, or one date.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

CHARACTERS_MAX = 80
VERSIONS_MAX = 2
_SHAPE = re.compile(r"(?:[a-z]+/)?[a-z0-9]+(?:[.-][a-z0-9]+){0,9}")
_BETWEEN_WORDS = re.compile(r"[/.-]")
_VERSION = re.compile(r"[0-9]{1,2}")
_DATE = re.compile(r"20[2-4][0-9](?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])")
_NAMES = "anthropic claude fable fast haiku instant latest mythos opus preview sonnet thinking"
_WORDS = frozenset(_NAMES.split())
_LIKENESS_MIN = 0.6
_IDS_MAX = 2_000
"""More ids than a price list has. Comparing this many takes a tenth of a second."""


def is_model_id(text: str, chosen: str = "") -> bool:
    """Return whether an error may print a text from outside as a model's id.

    Args:
        chosen: the id that the user chose. Its words are allowed, too.
    """
    if len(text) > CHARACTERS_MAX or not _SHAPE.fullmatch(text):
        return False
    words = _BETWEEN_WORDS.split(text)
    known = _WORDS.union(_BETWEEN_WORDS.split(chosen.lower()))
    others = [word for word in words if word not in known]
    versions = [word for word in others if _VERSION.fullmatch(word)]
    dates = [word for word in others if _DATE.fullmatch(word)]
    is_all = len(versions) + len(dates) == len(others)
    return is_all and len(versions) <= VERSIONS_MAX and len(dates) <= 1


def nearest_model_id(model: str, known: Collection[str]) -> str | None:
    """Return the id that is most like a mistyped one; None if none is similar."""
    ids = [name for name in sorted(known)[:_IDS_MAX] if is_model_id(name, model)]
    found = get_close_matches(model[:CHARACTERS_MAX].lower(), ids, n=1, cutoff=_LIKENESS_MIN)
    return found[0] if found else None
