"""Make one call for one row: permit, send, parse the answer. The judge decides about retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.core.durable.keys import ATTEMPTS_PER_EPOCH, client_request_id
from airflow_provider_aimlapi.errors import (
    ApiError,
    RequestRejected,
    Throttled,
    WireViolation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.money.budget import Budget
    from airflow_provider_aimlapi.core.reporting.measures import LatencyCounts
    from airflow_provider_aimlapi.core.verdicts.opening import Opening
    from airflow_provider_aimlapi.engine.calls.limiter import Limiter
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.world import Client


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

    async def attempt(self, row: Row) -> tuple[Answer, Completion]:
        """Make one call, and count it on the row, in the limiter and in the budget.

        Raises:
            ApiError: the call failed; the class says who must act.
            AdmissionEnded, BudgetExhausted: nothing was sent.
        """
        async with self.limiter.permit(len(row.body)) as sent:
            if row.exchanges == 0:
                self.opening.sent(row.name, len(row.body))
            row.number, row.sent_s = sent.number, sent.at_s
            row.exchanges += 1
            row.attempts += 1
            number = self.epoch * ATTEMPTS_PER_EPOCH + row.exchanges
            name = client_request_id(self.run_key, row.part, row.row, number)
            try:
                row.unread = answer = await self.client.send(row.body, name)
                completion = decode_answer(answer, row.body, wall_s=self.wall_us() / 1e6)
            except Throttled:
                row.attempts -= 1
                row.unread = None
                self.limiter.note_throttled(sent)
                raise
            except ApiError as error:
                self._note_failure(row, error)
                raise
            self.budget.charge(completion.cost_nano_usd, body_bytes=len(row.body))
            self.limiter.note_accepted(sent)
            self.limiter.note_usage(sent, completion, len(row.body))
            self.latencies.add(self.now_s() - sent.at_s)
            return answer, completion

    def _note_failure(self, row: Row, error: ApiError) -> None:
        """Count what a failed call has cost, or may have cost."""
        told = error.cost_nano_usd if isinstance(error, WireViolation) else None
        if isinstance(error, WireViolation):
            row.violations += 1
            row.untold += told is None
            row.unread = row.unread or error.head
        else:
            row.unread = None
        row.rejections += isinstance(error, RequestRejected)
        if told is not None:
            row.unread_cost_nano_usd += told
            self.budget.charge(told, body_bytes=len(row.body))
        elif error.is_perhaps_billed:
            self.budget.suspect(len(row.body))
