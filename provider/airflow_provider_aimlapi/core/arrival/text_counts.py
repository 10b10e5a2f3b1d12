"""Counts the properties that decide how many tokens a text has, and bounds the tokens.

Claude's tokenizer is not public. The bounds hold for every byte-pair vocabulary that was tried, with
room on both sides. The lab command `python -m lab.arrival` prints them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

_LATIN_END = 0x250
_CYRILLIC = range(0x400, 0x530)
_ALPHABETS = {"greek": 0x590, "semitic": 0x900, "indic": 0xE00, "letters": 0x2000}
"""The code point at which each group of alphabets ends."""
_HANGUL_JAMO = range(0x1100, 0x1200)
_EAST_ASIAN = (range(0x2E80, 0xA4D0), range(0xAC00, 0xD7FF), range(0xF900, 0xFB00))
_FULL_WIDTH = (range(0xFF00, 0xFFF0), range(0x20000, 0x32000))
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_PIECE = re.compile(r"[A-Za-z\u00c0-\u024f]{1,5}")
_GAP = re.compile(r"\s{2,}|[^\S ]")
_REPEATED = re.compile(r"(.{1,4}?)\1{3,}", re.DOTALL)
_REGEX_WORD = re.compile(r"\w+|[^\w\s]")


class TextCounts(NamedTuple):
    """The counts of one text. The classes before `repeated` leave out repetitions.

    Attributes:
        words: sequences of Latin letters, at most one per four letters.
        pieces: the other pieces, if those sequences are cut into pieces of five letters.
        accents: Latin letters beyond ASCII.
        digits: ASCII digits.
        marks: ASCII punctuation.
        gaps: sequences of white space other than one blank.
        cyrillic, greek, semitic, indic, letters: letters of these and of all other alphabets.
        east_asian: Chinese, Japanese and Korean characters.
        others: emoji and other signs.
        repeated: characters that repeat the one to four before them, beyond the second time.
        characters: all characters of the text.
        spaced_words: texts between blanks, of the whole text.
        regex_words: words and signs by a plain regular expression, of the whole text.
    """

    words: int
    pieces: int
    accents: int
    digits: int
    marks: int
    gaps: int
    cyrillic: int
    greek: int
    semitic: int
    indic: int
    letters: int
    east_asian: int
    others: int
    repeated: int
    characters: int
    spaced_words: int
    regex_words: int

    @property
    def counts_by_class(self) -> tuple[int, ...]:
        """The counts that the bounds below are for."""
        return self[: len(FEWEST)]


# The tokens for one of each class of `TextCounts`. If FEWEST were doubled, a system text that arrived
# would look as if it were missing. If it were halved, fewer lost texts would be found.
FEWEST = (0.88, 0.0, 0.0, 0.22, 0.22, 0.0, 0.16, 0.2, 0.2, 0.2, 0.2, 0.22, 0.2, 0.0)
MOST = (1.9, 4.5, 1.6, 1.15, 1.3, 1.2, 3.2, 3.2, 3.2, 3.2, 3.2, 3.2, 5.0, 1.2)


def count_text(text: str) -> TextCounts:
    """Count a text, which takes a few tenths of a microsecond per character."""
    # Vocabularies have tokens for long repetitions, such as a line of dashes, so these say little.
    rest = _REPEATED.sub(r"\1\1", text)
    by_class = Counter[str]()
    for character, times in Counter(rest).items():
        by_class[_class_of(character)] += times
    letters = by_class["letter"] + by_class["accents"]
    words = min(len(_WORD.findall(rest)), letters // 4)
    return TextCounts(
        words=words,
        pieces=len(_PIECE.findall(rest)) - words,
        gaps=len(_GAP.findall(rest)),
        repeated=len(text) - len(rest),
        characters=len(text),
        spaced_words=len(text.split()),
        regex_words=len(_REGEX_WORD.findall(text)),
        **{name: by_class[name] for name in _COUNTED},
    )


_COUNTED = (
    "accents",
    "digits",
    "marks",
    "cyrillic",
    "greek",
    "semitic",
    "indic",
    "letters",
    "east_asian",
    "others",
)


def fewest_tokens(counts: TextCounts) -> float:
    """Return the fewest tokens that a byte-pair vocabulary makes of a text."""
    return sum(rate * times for rate, times in zip(FEWEST, counts.counts_by_class, strict=True))


def most_tokens(counts: TextCounts) -> float:
    """Return the most tokens that a byte-pair vocabulary makes of a text."""
    return sum(rate * times for rate, times in zip(MOST, counts.counts_by_class, strict=True))


def _class_of(character: str) -> str:
    code = ord(character)
    if character.isascii():
        return _ascii_class(character)
    if code < _LATIN_END:
        return "accents"
    if code in _CYRILLIC:
        return "cyrillic"
    if code in _HANGUL_JAMO or any(code in block for block in (*_EAST_ASIAN, *_FULL_WIDTH)):
        return "east_asian"
    return next((name for name, end in _ALPHABETS.items() if code < end), "others")


def _ascii_class(character: str) -> str:
    if character.isdigit():
        return "digits"
    if character.isspace():
        return "blank"
    return "letter" if character.isalpha() else "marks"
