"""Finds the name that a mistyped one probably means. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def nearest_name(name: str, candidates: Collection[str]) -> str | None:
    """Return the candidate most similar to a mistyped name, ignoring case; None if none is."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    # The cutoff is difflib's own. A lower one suggests names that share a few letters only.
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None
