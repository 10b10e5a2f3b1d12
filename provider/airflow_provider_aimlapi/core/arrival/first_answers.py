"""Keeps an attempt's first answers until they show whether the system text reaches the model. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from airflow_provider_aimlapi.core.arrival.judgement import (
    Arrival,
    Judgement,
    Sighting,
    judge_arrival,
)
from airflow_provider_aimlapi.core.arrival.text_counts import TextCounts, count_text
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS
from airflow_provider_aimlapi.errors import InstructionsDropped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.calls.completion import Completion

CHARACTERS_MAX = 100_000
"""A longer row is not judged, because counting takes a few tenths of a microsecond per character."""
BODY_BYTES_MAX = 6 * CHARACTERS_MAX
"""A longer request has more characters than are judged, or more escapes than ordinary text."""
_SYSTEM_ROLES = ("system", "developer")


class _Part(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part]


class _Body(msgspec.Struct):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    system: str | list[_Part] = ""


_decode = msgspec.json.Decoder(_Body).decode
_NOT_YET = Judgement(Arrival.UNKNOWN)
_NOT_JUDGED = Sighting(count_text(""), count_text(""), None)


@dataclass(slots=True, kw_only=True)
class ArrivalCheck:
    """The opening's answers, collected to find out if the system text reaches the model.

    Attributes:
        model: the id that the rows are sent to.
        is_open: whether answers are still collected.
        judgement: the result.
    """

    model: str
    is_open: bool
    judgement: Judgement = _NOT_YET
    _sightings: list[Sighting] = field(default_factory=list)
    _system: tuple[str, TextCounts] = ("", count_text(""))

    @property
    def error_to_raise(self) -> InstructionsDropped | None:
        """The error to end with; None unless the answers show that the system text was dropped."""
        if self.judgement.arrival is not Arrival.DROPPED:
            return None
        return InstructionsDropped(_why_dropped(self.judgement, self.model))

    def note_answer(self, body: bytes, completion: Completion) -> None:
        """Note an answer. The opening's last one triggers the judgement.

        Args:
            body: the request that was sent.
        """
        texts = texts_of(body)
        if texts is not None:
            prompt, system = texts
            # Most rows have the same system text, and counting takes longer than comparing.
            if system != self._system[0]:
                self._system = (system, count_text(system))
            self._sightings.append(
                Sighting(
                    count_text(prompt),
                    self._system[1],
                    completion.prompt_tokens,
                    completion.cached_tokens,
                    completion.cache_write_tokens,
                )
            )
        else:
            self._sightings.append(_NOT_JUDGED)
        if len(self._sightings) == OPENING_ROWS:
            self.judge_and_close()

    def judge_and_close(self) -> None:
        """Judge the answers so far, and drop them."""
        if self.is_open:
            self.is_open = False
            self.judgement = judge_arrival(self._sightings)
            self._sightings = []


def texts_of(body: bytes) -> tuple[str, str] | None:
    """Return a request's prompt and system text, in any dialect; None if it is not judged."""
    if len(body) > BODY_BYTES_MAX:
        return None
    try:
        request = _decode(body)
    except msgspec.DecodeError:
        return None
    prompt = [
        _text_of_content(turn.content)
        for turn in request.messages
        if turn.role not in _SYSTEM_ROLES
    ]
    system = [
        _text_of_content(turn.content) for turn in request.messages if turn.role in _SYSTEM_ROLES
    ]
    texts = "\n".join(prompt), "\n".join([_text_of_content(request.system), *system]).strip("\n")
    return texts if sum(map(len, texts)) <= CHARACTERS_MAX else None


def _text_of_content(content: str | Iterable[_Part]) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)


def _why_dropped(judgement: Judgement, model: str) -> str:
    other = "another id of the model" if model == DEFAULT_MODEL else f"model={DEFAULT_MODEL!r}"
    answers = "1 answer shows" if judgement.rows == 1 else f"{judgement.rows} answers show"
    return (
        f"Use {other}, or set check_arrival=False if you are sure that the instructions arrive. They "
        f"seem to be dropped: {answers} that the system text does not reach {model!r}. "
        f"prompt_tokens {judgement.prompt_tokens:,} fits the prompt alone; prompt and system text "
        f"together are about {judgement.expected_tokens:,}."
    )
