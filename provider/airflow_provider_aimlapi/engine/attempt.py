"""One exchange for one row: permit, send, read the answer. No retries; they are the run's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.api.wire import decode_answer
from airflow_provider_aimlapi.core.keys import client_request_id
from airflow_provider_aimlapi.errors import Throttled, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.budget import Budget
    from airflow_provider_aimlapi.core.completion import Answer, Completion
    from airflow_provider_aimlapi.engine.feed import Row
    from airflow_provider_aimlapi.engine.limiter import Limiter


class Client(Protocol):
    """Sends a request body; see `api.client.CompletionClient`."""

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        """Send once; return whatever answer came."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends rows of one run."""

    run_key: str
    client: Client
    limiter: Limiter
    budget: Budget

    async def attempt(self, row: Row) -> tuple[Answer, Completion]:
        """One exchange. Counts it on the row, tells the limiter and the budget what came.

        Raises:
            ApiError: what went wrong, of the kind that says who must act.
            AdmissionEnded, BudgetExhausted: before anything was sent.
        """
        async with self.limiter.permit() as epoch:
            if row.exchanges == 0:
                row.accepted_before = self.limiter.accepted
            row.exchanges += 1
            row.attempts += 1
            name = client_request_id(self.run_key, row.part, row.row, row.exchanges)
            try:
                answer = await self.client.send(row.body, name)
                completion = decode_answer(answer)
            except Throttled:
                row.attempts -= 1
                self.limiter.note_throttled(epoch)
                raise
            except WireViolation:
                row.violations += 1
                raise
            self.budget.charge(completion.cost_nano_usd)
            self.limiter.note_accepted(epoch)
            return answer, completion
