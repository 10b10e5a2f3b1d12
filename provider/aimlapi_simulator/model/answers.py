"""The text that the simulated model answers. It depends only on the request.

By default, an answer has the leading sentences of the prompt's longest paragraph. It ends with a fingerprint of
model, system and prompt. Different requests have different answers, so that a test sees when one
row gets the answer of another. For people, it can be one sentence that names what the text is about, or
one word if the system text asks for one word.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

from aimlapi_simulator.pricing import CHARACTERS_PER_TOKEN

if TYPE_CHECKING:
    from aimlapi_simulator.faults.kinds import TextForm

SUBJECTS = 3
_WORD = re.compile(r"\b[^\W\d_]{7,}\b")
"""Shorter words are seldom a text's subject."""
SUMMARY_CHARACTERS = 480
"""About 120 tokens: a short summary."""


def answer_for(model: str, system: str, prompt: str, max_tokens: int) -> str:
    """Return the text of the answer, cut at `max_tokens`.

    `prompt` is the user's text. Several messages are joined by a line break.
    """
    return whole_answer(model, system, prompt)[: max_tokens * CHARACTERS_PER_TOKEN]


def whole_answer(model: str, system: str, prompt: str, form: TextForm = "excerpt") -> str:
    """Return the answer without a limit."""
    if form == "sentence":
        return word_about(prompt) if "one word" in system else sentence_about(prompt)
    return f"{summary_of(prompt)} [{request_fingerprint(model, system, prompt)}]"


def summary_of(prompt: str) -> str:
    """Cut the longest paragraph to whole sentences, at most 480 characters. Line breaks become spaces."""
    paragraph = max(prompt.split("\n\n"), key=len).strip()
    head = paragraph[:SUMMARY_CHARACTERS].replace("\n", " ")
    if len(head) == len(paragraph):
        return head
    end = head.rfind(". ")
    if end >= 0:
        return head[: end + 1]
    return head.rpartition(" ")[0] or head


def sentence_about(prompt: str) -> str:
    """Return one sentence with the most frequent long words of the longest paragraph."""
    subjects = subjects_of(prompt)
    if not subjects:
        return "The text is short, says the simulator."
    *others, last = subjects
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"The text is about {listed}, says the simulator."


def word_about(prompt: str) -> str:
    """Return the most frequent long word of the longest paragraph."""
    return next(iter(subjects_of(prompt)), "other")


def subjects_of(prompt: str) -> list[str]:
    """Return the most frequent long words of the longest paragraph, at most three."""
    paragraph = max(prompt.split("\n\n"), key=len)
    words = Counter(word.lower() for word in _WORD.findall(paragraph))
    return [word for word, _ in words.most_common(SUBJECTS)]


def request_fingerprint(model: str, system: str, prompt: str) -> str:
    """Return eight hexadecimal digits that identify a request."""
    beginning = crc32(f"{model}|{system}|".encode("utf-8", "surrogatepass"))
    return f"{crc32(prompt.encode('utf-8', 'surrogatepass'), beginning):08x}"
