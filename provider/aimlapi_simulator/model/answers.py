"""The text that the simulated model answers, a pure function of the request; no JSON, no money.

An answer is made of the leading sentences of the prompt's longest paragraph and ends with a
mark in brackets that depends on model, system and prompt: two requests that differ have answers
that differ, so that a test sees when one row got the answer of another.
"""

from __future__ import annotations

from zlib import crc32

from aimlapi_simulator.pricing import CHARACTERS_PER_TOKEN

SUMMARY_CHARACTERS = 480


def answer_for(model: str, system: str, prompt: str, max_tokens: int) -> str:
    """Text of the answer, cut where `max_tokens` ends; `prompt` is the user's text.

    Several messages of the user count as one prompt, joined by a line break.
    """
    return whole_answer(model, system, prompt)[: max_tokens * CHARACTERS_PER_TOKEN]


def whole_answer(model: str, system: str, prompt: str) -> str:
    """The answer that no limit cut short."""
    return f"{summary_of(prompt)} [{fingerprint(model, system, prompt)}]"


def summary_of(prompt: str) -> str:
    """Leading sentences of the longest paragraph, at most 480 characters, line breaks as spaces."""
    paragraph = max(prompt.split("\n\n"), key=len).strip()
    head = paragraph[:SUMMARY_CHARACTERS].replace("\n", " ")
    if len(head) == len(paragraph):
        return head
    end = head.rfind(". ")
    if end >= 0:
        return head[: end + 1]
    return head.rpartition(" ")[0] or head


def fingerprint(model: str, system: str, prompt: str) -> str:
    """Eight hexadecimal digits that tell requests apart."""
    beginning = crc32(f"{model}|{system}|".encode("utf-8", "surrogatepass"))
    return f"{crc32(prompt.encode('utf-8', 'surrogatepass'), beginning):08x}"
