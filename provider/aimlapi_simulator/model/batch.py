"""One batch. Its state is computed from the time: running, canceling or ended."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from aimlapi_simulator.clock import iso_time
from aimlapi_simulator.faults.choice import draw_number
from aimlapi_simulator.ledger import Record
from aimlapi_simulator.model.completion import FINISH_REASONS, Completion, compose_answer
from aimlapi_simulator.model.prompt_cache import NOTHING
from aimlapi_simulator.pricing import credits_for, usd_of

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import BatchPlan
    from aimlapi_simulator.schema.chat_request import ChatRequest

DISCOUNT = 0.5
LIFETIME_S = 86_400.0
CANCELING_S = 1.0
"""Long enough for a client to see the state between."""

Outcome = Literal["processing", "succeeded", "errored", "canceled", "expired"]


@dataclass(slots=True, kw_only=True)
class Batch:
    """A batch, whose requests finish one after another, evenly over its duration.

    Attributes:
        canceled_at_s: when it was canceled. Requests that had finished by then stay finished.
    """

    batch_id: str
    created_at_s: float
    plan: BatchPlan
    seed: int
    requests: list[tuple[str, ChatRequest]]
    canceled_at_s: float | None = None
    _is_settled: bool = field(default=False)  # its requests were charged

    @property
    def ended_at_s(self) -> float:
        """When the last request finishes, expires or is canceled."""
        end_s = self.created_at_s + min(self.plan.duration_s, LIFETIME_S)
        if self.canceled_at_s is None:
            return end_s
        return min(end_s, self.canceled_at_s + CANCELING_S)

    def has_ended(self, now_s: float) -> bool:
        """Return whether the batch has ended, which makes its results available."""
        return now_s >= self.ended_at_s

    def cancel_at(self, now_s: float) -> bool:
        """Cancel the batch; return False if it has ended already."""
        if self.has_ended(now_s):
            return False
        if self.canceled_at_s is None:
            self.canceled_at_s = now_s
        return True

    def outcome_at(self, position: int, now_s: float) -> Outcome:
        """Return the state of the request at this position of the batch."""
        # 1. Canceled or expired before its turn: it shows when the whole batch has ended.
        # 2. Its turn has not come.
        # 3. It had its turn: the seed decides between error, expiry and success.
        share_done = (position + 1) / len(self.requests)
        done_at_s = self.created_at_s + self.plan.duration_s * share_done
        if self.canceled_at_s is not None and done_at_s > self.canceled_at_s:
            return "canceled" if self.has_ended(now_s) else "processing"
        if done_at_s > self.created_at_s + LIFETIME_S:
            return "expired" if self.has_ended(now_s) else "processing"
        if done_at_s > now_s:
            return "processing"
        drawn = draw_number(self.seed, "batch", self.requests[position][0])
        if drawn < self.plan.errored_share:
            return "errored"
        return (
            "expired" if drawn < self.plan.errored_share + self.plan.expired_share else "succeeded"
        )

    def describe_batch(self, now_s: float) -> dict[str, Any]:
        """Return the batch object, as the API sends it."""
        # Times that are not known yet are null.
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for position in range(len(self.requests)):
            counts[self.outcome_at(position, now_s)] += 1
        ended = self.has_ended(now_s)
        canceled_s = self.canceled_at_s
        running = "in_progress" if canceled_s is None else "canceling"
        return {
            "id": self.batch_id,
            "type": "message_batch",
            "processing_status": "ended" if ended else running,
            "request_counts": counts,
            "ended_at": iso_time(self.ended_at_s) if ended else None,
            "created_at": iso_time(self.created_at_s),
            "expires_at": iso_time(self.created_at_s + LIFETIME_S),
            "archived_at": None,
            "cancel_initiated_at": None if canceled_s is None else iso_time(canceled_s),
            "results_url": f"/v1/batches?batch_id={self.batch_id}" if ended else None,
        }

    def shuffled_results(self, now_s: float) -> list[dict[str, Any]]:
        """Return one result per request, shuffled, because the API promises no order."""
        found = [
            {"custom_id": custom_id, "result": self._result_json(position, now_s)}
            for position, (custom_id, _) in enumerate(self.requests)
        ]
        random.Random(f"{self.seed}{self.batch_id}").shuffle(found)
        return found

    def _result_json(self, position: int, now_s: float) -> dict[str, Any]:
        outcome = self.outcome_at(position, now_s)
        if outcome == "errored":
            error = {"type": "api_error", "message": "Internal server error"}
            return {"type": "errored", "error": {"type": "error", "error": error}}
        if outcome == "succeeded":
            return {"type": "succeeded", "message": _message_json(self._complete_request(position))}
        return {"type": outcome}

    def _complete_request(self, position: int) -> Completion:
        return compose_answer(
            self.requests[position][1],
            "none",
            completion_id=f"{self.batch_id}_{position}",
            now_s=self.ended_at_s,
            cached=NOTHING,
        )

    def settle_charges(self, now_s: float) -> list[Record]:
        """Return the charges of the succeeded requests, once, when the batch has ended."""
        if self._is_settled or not self.has_ended(now_s):
            return []
        self._is_settled = True
        done = range(len(self.requests))
        return [self._charge_request(p) for p in done if self.outcome_at(p, now_s) == "succeeded"]

    def _charge_request(self, position: int) -> Record:
        custom_id, chat = self.requests[position]
        usage = self._complete_request(position).usage
        charged = credits_for(usage, chat.model.price, discount=DISCOUNT)
        prompt = chat.prompt.encode("utf-8", "surrogatepass")
        # A record of its own per request, so that the ledger finds a prompt that was paid twice.
        return Record(
            at_s=self.ended_at_s,
            method="POST",
            path="/v1/batches",
            status=200,
            request_id=f"{self.batch_id}-{position}",
            inference_id=f"inf-{self.batch_id}-{position}",
            model=chat.requested_model,
            prompt_sha256=sha256(prompt).hexdigest(),
            prompt_tokens=usage.prompt,
            completion_tokens=usage.completion,
            credits=charged,
            usd=usd_of(charged),
            duration_s=self.ended_at_s - self.created_at_s,
            custom_id=custom_id,
        )


def _message_json(completion: Completion) -> dict[str, Any]:
    """Return an answer in Anthropic's form, which batches use for all models."""
    # Batches have no prompt cache.
    return {
        "id": completion.completion_id,
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": [{"type": "text", "text": completion.text}],
        "stop_reason": FINISH_REASONS["anthropic"][completion.finish],
        "stop_sequence": None,
        "usage": {
            "input_tokens": completion.usage.prompt,
            "output_tokens": completion.usage.completion,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
