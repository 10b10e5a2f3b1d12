"""Send a row again because of its last answer: decide whether, and make the request.

An answer that was cut off is requested once more with twice `max_tokens`. The answer stays the row's
result if no better one comes. Live calls and replayed journal records take the same way, so a later
attempt continues where a killed one stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.several_answers import Answers
from airflow_provider_aimlapi.engine.row import FollowUp

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.engine.request_maker import RequestMaker
    from airflow_provider_aimlapi.engine.row import Row


class FollowUps:
    """The rules of a run for rows that are sent again.

    Args:
        maker: makes the requests.
        raises_truncated: whether an answer that was cut off is requested with twice `max_tokens`.
    """

    def __init__(self, maker: RequestMaker, *, raises_truncated: bool) -> None:
        self._maker = maker
        self._raises_truncated = raises_truncated and maker.can_raise

    def is_due(self, row: Row, completion: Completion) -> bool:
        """Return whether the row is sent again after this answer."""
        is_raised = row.follow_up is not None and row.follow_up.is_raised
        return completion.status == "truncated" and self._raises_truncated and not is_raised

    def follow(self, row: Row, completion: Completion) -> None:
        """Give the row its next request. The hash stays that of its first one."""
        earlier = row.follow_up
        answers = Answers(completion) if earlier is None else earlier.answers.then(completion)
        row.body = self._maker.raised(row.body)
        row.follow_up = FollowUp(answers=answers, is_raised=True)
        row.rejections = 0  # they were about another request
