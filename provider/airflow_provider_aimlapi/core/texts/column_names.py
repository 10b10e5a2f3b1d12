"""Names of columns that readers confuse. Reads no file."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTE_ORDER_MARK = "\ufeff"


def name_key(name: str) -> str:
    """Return a key that is equal for names that differ in case, in composition or in a byte order mark.

    Spark and DuckDB treat names as equal if they differ only in case.
    """
    composed = unicodedata.normalize("NFC", name.replace(_BYTE_ORDER_MARK, ""))
    return unicodedata.normalize("NFC", "".join(map(_without_case, composed)))


def _without_case(letter: str) -> str:
    # Upper case first, because some letters, such as the Greek sigma, have two lower-case forms. A
    # letter that would become two, such as the German sharp s, stays.
    upper = letter.upper()
    return (upper if len(upper) == 1 else letter).lower()


def find_lookalike(name: str, others: Iterable[str]) -> str | None:
    """Return another name with the same key; None for none."""
    key = name_key(name)
    return next((other for other in others if other != name and name_key(other) == key), None)


def describe_difference(one: str, other: str) -> str:
    """Return how two names with the same key differ. Both names are in the text."""
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        return f"{one!a} and {other!a} look the same, but are written with other characters"
    if _BYTE_ORDER_MARK in one + other:
        return f"{one!a} and {other!a} differ in a byte order mark, which does not show"
    return f"'{one}' and '{other}' differ only in case"
