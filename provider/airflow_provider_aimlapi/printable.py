"""Makes foreign text fit for one line of a log, an error or a terminal. Pure."""

from __future__ import annotations


def printable_text(text: str) -> str:
    r"""Return the text with an escape for each character that does not show as itself.

    These are control characters, line breaks of any kind, ANSI and OSC escapes, bidirectional
    overrides, zero-width characters and half surrogate pairs. The escapes are Python's: `\n`,
    `\x1b`, `\u202e`.
    """
    return text if text.isprintable() else "".join(map(_shown_character, text))


def _shown_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
