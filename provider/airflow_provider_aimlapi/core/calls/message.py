"""The texts of one request, before they are encoded."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """What one row sends to the model.

    Attributes:
        prompt: the user's text in parts that follow one another: the prompt's fixed texts and the
            row's values.
        system: the system text in parts; None for a request without one.
    """

    prompt: tuple[str, ...]
    system: tuple[str, ...] | None


class ExampleTurn(NamedTuple):
    """A prompt and the answer to it, which each request holds before the row's own prompt."""

    prompt: str
    answer: str


def message_of(prompt: str, system: str | None) -> Message:
    """Return the message of two whole texts."""
    return Message((prompt,), None if system is None else (system,))
