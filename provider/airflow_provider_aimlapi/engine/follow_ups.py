"""Send a row again because of its last answer: decide whether, and make the request.

1. An answer that was cut off is requested once more with twice `max_tokens`.
2. An invalid answer is repaired: the model sees the prompt, its last answer and what is wrong with it.

The last answer stays the row's result if no better one comes. Live calls and replayed journal records
take the same way, so a later attempt continues where a killed one stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.several_answers import Answers
from airflow_provider_aimlapi.engine.row import FollowUp

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.engine.request_maker import RequestMaker
    from airflow_provider_aimlapi.engine.row import Row

NO_ANSWER = "(no answer)"
"""Stands for an answer without any text, because the API refuses an empty turn."""
_COMPLAINT = (
    "This answer does not follow the schema: {fault}. Answer again with one JSON object that does."
)


class FollowUps:
    """The rules of a run for rows that are sent again.

    Args:
        maker: makes the requests.
        raises_truncated: whether an answer that was cut off is requested with twice `max_tokens`.
        repairs: how often an invalid answer of a row is repaired.
    """

    def __init__(self, maker: RequestMaker, *, raises_truncated: bool, repairs: int) -> None:
        self._maker = maker
        self._raises_truncated = raises_truncated and maker.can_raise
        self._repairs = repairs

    def is_due(self, row: Row, completion: Completion) -> bool:
        """Return whether the row is sent again after this answer."""
        follow_up = row.follow_up
        if completion.status == "truncated":
            return self._raises_truncated and not (follow_up and follow_up.is_raised)
        if completion.status == "invalid":
            return (follow_up.repairs if follow_up else 0) < self._repairs
        return False

    def give_next_request(self, row: Row, completion: Completion) -> None:
        """Give the row its next request. The hash stays that of its first one."""
        earlier = row.follow_up
        first_body = row.body if earlier is None else earlier.first_body
        is_repair = completion.status == "invalid"
        row.follow_up = FollowUp(
            first_body=first_body,
            answers=Answers(completion)
            if earlier is None
            else earlier.answers.with_later(completion),
            is_raised=not is_repair or (earlier is not None and earlier.is_raised),
            repairs=(0 if earlier is None else earlier.repairs) + is_repair,
        )
        row.rejections = 0  # they were about another request
        if is_repair:
            row.body = self._make_repair(row, first_body, completion)
        if row.follow_up.is_raised:
            row.body = self._maker.raised_request(row)

    def _make_repair(self, row: Row, first_body: bytes, completion: Completion) -> bytes:
        return self._maker.repair_request(row, first_body, *repair_turns(completion))


def repair_turns(completion: Completion) -> tuple[str, str]:
    """Return the two turns that a repair adds: the invalid answer, and what is wrong with it."""
    answer = (completion.raw or "").strip() or NO_ANSWER
    return answer, _COMPLAINT.format(fault=completion.error)
