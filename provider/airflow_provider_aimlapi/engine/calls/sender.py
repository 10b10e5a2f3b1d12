"""Make one call for one row: permit, send, parse the answer. The judge decides about retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.durable.keys import CALLS_PER_EPOCH, client_request_id
from airflow_provider_aimlapi.engine.calls.limiter import AdmissionEnded
from airflow_provider_aimlapi.errors import (
    ApiError,
    BudgetExhausted,
    RequestRejected,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.core.pacing.episode import Sent
    from airflow_provider_aimlapi.core.reporting.measures import LatencyCounts
    from airflow_provider_aimlapi.core.verdicts.opening import Opening
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.calls.typed.answer_check import AnswerCheck
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.world import Client


class Unjudged(Exception):
    """A bug, after a call was sent and before its answer was journaled. Never leaves the engine.

    Attributes:
        answer: what came, and may have been billed; None if nothing came.
    """

    def __init__(self, answer: Answer | None) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends rows of one run.

    Attributes:
        run_key: for the ids of requests.
        epoch: the same, because each attempt numbers its calls anew.
        client: sends request bodies.
        limiter: grants permits.
        budget: counts charges.
        latencies: counts the time that each answered call took.
        opening: counts the rows that are sent for the first time.
        now_s: returns monotonic seconds.
        wall_us: returns microseconds since 1970.
        body_of: returns the bytes to send for a row; see `marks.marked_calls`.
        check: checks each answer against the schema; None without one.
    """

    run_key: str
    epoch: int
    client: Client
    limiter: Limiter
    budget: Budget
    latencies: LatencyCounts
    opening: Opening
    now_s: Callable[[], float]
    wall_us: Callable[[], int]
    body_of: Callable[[Row], bytes]
    check: AnswerCheck | None

    async def make_call(self, row: Row) -> tuple[Answer, Completion]:
        """Make one call, and count it on the row, in the limiter and in the budget.

        Raises:
            ApiError: the call failed; the class says who must act.
            AdmissionEnded, BudgetExhausted: nothing was sent.
            Unjudged: a bug, perhaps after an answer has come.
        """
        answer: Answer | None = None  # what has come, and may be billed
        try:
            async with self.limiter.permit(len(row.body)) as sent:
                name = self._count_call(row, sent)
                try:
                    received = answer = await self.client.send(self.body_of(row), name)
                    completion = decode_answer(received, row.body, wall_s=self.wall_us() / 1e6)
                except WireViolation as error:
                    # The client fails with what has come so far, the decoder once all has come.
                    # Either may be billed, so the row must be able to keep it.
                    answer = error.answer = answer or error.answer
                    self._note_violation(row, error)
                    self.limiter.settle(sent, error)
                    raise
                except ApiError as error:
                    answer = None
                    self._note_failure(row, error)
                    self.limiter.settle(sent, error)
                    raise
                self.budget.add_charge(
                    completion.cost_nano_usd,
                    body_bytes=len(row.body),
                    cached_tokens=completion.cached_tokens or 0,
                )
                self.limiter.settle(sent, completion)
                self.latencies.add_call(self.now_s() - sent.at_s)
                # Under the permit, because an answer is at risk until it is journaled.
                if self.check is not None:
                    completion = await self.check.check_completion(completion, row.cells)
                return received, completion
        except (AdmissionEnded, ApiError, BudgetExhausted):
            raise
        except Exception as bug:
            raise Unjudged(answer) from bug

    async def call_raised(self, row: Row) -> tuple[Answer, Completion]:
        """Make a call with twice `max_tokens`, for which the budget reserves money twice."""
        body_bytes = len(row.body)
        self.budget.reserve_for_call(body_bytes)
        try:
            return await self.make_call(row)
        except ApiError as error:
            if error.is_perhaps_billed and _reports_no_cost(error):
                # `make_call` has counted one lost answer. A raised one may cost twice as much.
                self.budget.keep_possible_cost(body_bytes)
            raise
        finally:
            self.budget.release_reservation(body_bytes)

    def _count_call(self, row: Row, sent: Sent) -> str:
        """Count a call that is being sent, and return the id of its request."""
        if row.calls == 0:
            self.opening.note_sent(row.row_position, len(row.body))
        row.number, row.sent_s = sent.number, sent.at_s
        row.calls += 1
        row.attempts += 1
        number = self.epoch * CALLS_PER_EPOCH + row.calls
        return client_request_id(self.run_key, row.part, row.row, number)

    def _note_failure(self, row: Row, error: ApiError) -> None:
        """Count a call without an answer that may be billed, or without any answer."""
        if isinstance(error, Throttled):
            # A 429 is about the account's pace and shows nothing about the row.
            row.attempts -= 1
            return
        row.rejections += isinstance(error, RequestRejected)
        if error.is_perhaps_billed:
            self.budget.keep_possible_cost(len(row.body))

    def _note_violation(self, row: Row, error: WireViolation) -> None:
        """Count what an answer that cannot be read has cost, or may have cost."""
        row.violations += 1
        cost = error.cost_nano_usd
        if cost is not None:
            row.unread_cost_nano_usd += cost
            self.budget.add_charge(cost, body_bytes=len(row.body))
            return
        row.without_cost += 1
        if error.is_perhaps_billed:
            self.budget.keep_possible_cost(len(row.body))


def _reports_no_cost(error: ApiError) -> bool:
    return not isinstance(error, WireViolation) or error.cost_nano_usd is None
