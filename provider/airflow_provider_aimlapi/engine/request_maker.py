"""Make the request of a row from its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import CallRecord, Reason, rejected, skipped
from airflow_provider_aimlapi.core.calls.message import Message, message_of
from airflow_provider_aimlapi.core.calls.template import UnreadableRow
from airflow_provider_aimlapi.core.durable.keys import request_hash
from airflow_provider_aimlapi.engine.row import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.calls.template import PromptTemplate, RowTexts
    from airflow_provider_aimlapi.engine.runtime.clock import Clock


class RequestMaker:
    """Makes the exact bytes of each row's request.

    Attributes:
        columns: the columns whose texts a request needs, in order.
        frame_bytes: the size of a request whose prompt and system are empty, without examples.
        can_raise: whether the model allows more than `max_tokens`.
    """

    def __init__(
        self,
        prompt: PromptTemplate,
        system: PromptTemplate | None,
        encoder: RequestEncoder,
        quoted_columns: Collection[str] = (),
    ) -> None:
        used = prompt.columns + (system.columns if system else ())
        self.columns = tuple(dict.fromkeys(used))
        self._prompt = prompt.filler(self.columns)
        self._system = system.filler(self.columns) if system else None
        self._encoder = encoder
        self._quoted = [
            (name, index) for index, name in enumerate(self.columns) if name in quoted_columns
        ]
        empty = encoder.encode(message_of("", None if system is None else ""))
        self.frame_bytes = len(empty) - encoder.constant_bytes
        self.can_raise = encoder.can_raise

    def row(self, part: int, index: int, texts: RowTexts, clock: Clock) -> Row | Outcome:
        """Return a row that is ready to be sent, or the outcome of a row that cannot be sent.

        A value that cannot be read rejects its row, and a null skips it.

        Args:
            part: the part that the row belongs to.
            index: the row's number in the part.
            texts: the row's texts in the order of `columns`.
        """
        if isinstance(texts, UnreadableRow):
            call = CallRecord(
                row=index, attempts=0, request_hash=None, completed_at_us=clock.wall_us()
            )
            return rejected(Reason(texts.reason, texts.reason), call)
        if None in texts:  # a prompt with a gap would be paid for, and answered with nonsense
            return skipped(f"null in column '{self.columns[texts.index(None)]}'", row=index)
        body = self._body(texts)  # type: ignore[arg-type]  # no null is left
        row = Row(part=part, row=index, body=body, request_hash=request_hash(body))
        if self._quoted:
            row.cells = {name: texts[index] for name, index in self._quoted}  # type: ignore[misc]
        return row

    def raised(self, body: bytes) -> bytes:
        """Return a request with twice `max_tokens`, up to the model's maximum."""
        return self._encoder.raised(body)

    def _body(self, texts: Sequence[str]) -> bytes:
        system = self._system(texts) if self._system else None
        return self._encoder.encode(Message(self._prompt(texts), system))
