"""Chooses the words of an API's error that may be shown outside of the row's own record. Pure.

An API may repeat a prompt in its errors, in any spelling, and no search finds every spelling. So
words are not removed, but permitted: words that API errors use, the names of parameters, and the
model's id. A word that is also in the row's text is left out.
"""

from __future__ import annotations

import json
import re
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS_MAX = 2
"""With more numbers, none is shown, because they could spell a text letter by letter."""
DIGITS_MAX = 7
"""Enough for a limit of tokens or bytes. Card numbers and telephone numbers are longer."""
_WORD_LETTERS_MIN = 4
"""Words in sequence are shown only if one of them has this length, because small words carry no meaning."""
_GAP = "…"
_SEPARATORS = frozenset({"_", ".", ": ", ", ", ". ", " > ", " < ", " <= ", " >= ", " = ", "/", "-"})
_WORDS = """
about above accepted access account active actual adaptive again all allowed already an and
any api application are argument arguments array as assistant at authentication authorization
available bad balance be because been below between beyond billing blocked body boolean both
budget busy but by bytes cache call calls can can't cannot capacity change characters check
choice client closed code combined completion completions concurrency concurrent conflict
connection contact contain contains content context conversation could count create credit
credits currently daily day decimal deprecated did disabled does doesn't down due duplicate
either empty enabled endpoint enough entity equal error errors exceed exceeded exceeds
exhausted expected expired extra failed field fields file float for forbidden format found
free from function funds gateway generation given greater has have header help high higher
hour id if in incorrect increase input instead insufficient integer internal invalid is isn't
it its json key keys large later least length less limit limited limits list long longer low
lower maintenance malformed many max maximum may media message messages metadata method min
minimum minute missing model models month monthly more most must name needs negative no non
none not null number object of off on one only option or out output overloaded page parameter
parameters parse pass path payload payment per permission permitted plan please policy
positive post prefill present prohibited project prompt property provide provided provider
quota range rate reached reason received reduce request requested requests require required
requires resource response retry role roles run schema scope server service set settings
shorter should single size slow smaller some something stop stream string strings such support
supported supports system temperature temporarily text than that the then there thinking this
tier time timed timeout to together token tokens too tool tools top topped try two type types
unable unauthorized unavailable under unexpected unknown unprocessable unrecognized
unsupported until up upstream usage use used user valid validation value values violation wait
was when which while with within without wrong yet you you've your
budget_tokens cache_control developer effort forced forces input_schema max_completion_tokens
max_tokens reasoning reasoning_effort response_format stop_sequences tool_choice top_k top_p
"""
_VOCABULARY = frozenset(_WORDS.split())
_FOREIGN_DIGIT = r"[^\D0-9]"
_ALL_BUT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_PARAMETERS = "|".join(word for word in _VOCABULARY if "_" in word)
_NUMBERS = r"(?<![^\W_])[0-9]{1,3}(?:,[0-9]{3})+(?![^\W_])"
_TOKENS = rf"(?<!\w)(?:{_PARAMETERS})(?!\w)|{_NUMBERS}|[^\W_]+(?:'[^\W_]+)?"


def cut_to_bytes(text: str, bytes_max: int) -> str:
    """Return a text that takes at most `bytes_max` bytes as JSON in ASCII, without its quotes."""
    whole = text
    while len(json.dumps(text)) - 2 > bytes_max:
        # A quarter at a time, because the size in JSON depends on the characters: one takes 1 to
        # 12 bytes.
        text = text[: len(text) * 3 // 4]
    return text if text == whole else f"{text}…"


def quote_permitted_words(message: str, request: bytes) -> str:
    """Return the words of an error that may be shown, in order, with "…" for all others.

    Args:
        message: the API's message.
        request: the body that was answered; empty for a request without one.

    Returns:
        "" if the words that are left have no meaning.
    """
    model, text = _model_and_text(request)
    tokens = list(re.finditer(_token_pattern(model), message))
    shown = _are_words_shown([token[0] for token in tokens], model, text)
    pieces: list[str] = []
    # One "…" for all words in sequence that are left out, so that their number does not show
    # either.
    for is_shown, run in groupby(zip(tokens, shown, strict=True), key=itemgetter(1)):
        piece = _join_words(message, [token for token, _ in run]) if is_shown else _GAP
        if piece != _GAP or pieces[-1:] != [_GAP]:
            pieces.append(piece)
    return "" if pieces == [_GAP] else " ".join(pieces)


def _join_words(message: str, tokens: list[re.Match[str]]) -> str:
    """Join words in sequence; "…" if all of them are small."""
    if not any(len(token[0]) >= _WORD_LETTERS_MIN and not _is_number(token[0]) for token in tokens):
        return _GAP
    piece = tokens[0][0]
    for before, token in pairwise(tokens):
        between = message[before.end() : token.start()]
        piece += (between if between in _SEPARATORS else " ") + token[0]
    return piece


def _token_pattern(model: str) -> str:
    return rf"(?<![\w./-]){re.escape(model)}(?![\w/-])|{_TOKENS}" if model else _TOKENS


def _are_words_shown(words: list[str], model: str, text: str) -> list[bool]:
    """Return for each word whether it may be shown."""
    are_few = sum(map(_is_number, words)) <= NUMBERS_MAX
    return [
        are_few and _is_number_shown(word.replace(",", ""), text)
        if _is_number(word)
        else word == model or (word.lower() in _VOCABULARY and word.lower() not in text)
        for word in words
    ]


def _is_number(word: str) -> bool:
    return word.replace(",", "").isdecimal()


def _is_number_shown(number: str, text: str) -> bool:
    """Return whether a number is short, and the row's digits hold it neither forwards nor backwards.

    Without a row to compare with, no number is shown.
    """
    if not text or len(number) > DIGITS_MAX or not number.isascii():
        return False
    if not text.isascii() and re.search(_FOREIGN_DIGIT, text):
        return False  # the number may be a transcription of the foreign digits
    digits = text.encode("ascii", "ignore").translate(None, _ALL_BUT_DIGITS)
    return number.encode() not in digits and number[::-1].encode() not in digits


def _model_and_text(request: bytes) -> tuple[str, str]:
    """Return the model of a request, and all its other texts in lower case."""
    try:
        body: object = msgspec.json.decode(request)
    except (ValueError, RecursionError):
        body = request.decode("utf-8", "replace")
    # The model's id is permitted as a whole, so it must not count as a text of the row.
    model = body.pop("model", "") if isinstance(body, dict) else ""
    return model if isinstance(model, str) else "", "\n".join(_texts_in(body)).lower()


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(part)
