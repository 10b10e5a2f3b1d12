"""Turns the texts of a row into the bytes of its request. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.message import Message, message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
    from airflow_provider_aimlapi.core.calls.template import PromptTemplate


class RequestMaker:
    """Turns a row's texts into the exact bytes of its request.

    Attributes:
        columns: the columns whose texts are wanted, in order.
        frame_bytes: of a request whose prompt and system are empty.
    """

    def __init__(
        self, prompt: PromptTemplate, system: PromptTemplate | None, encoder: RequestEncoder
    ) -> None:
        used = prompt.columns + (system.columns if system else ())
        self.columns = tuple(dict.fromkeys(used))
        self._prompt = prompt.filler(self.columns)
        self._system = system.filler(self.columns) if system else None
        self._encoder = encoder
        self.frame_bytes = len(encoder.encode(message_of("", None if system is None else "")))

    def body(self, texts: Sequence[str]) -> bytes:
        """The request of a row, given its texts in the order of `columns`."""
        system = self._system(texts) if self._system else None
        return self._encoder.encode(Message(self._prompt(texts), system))
