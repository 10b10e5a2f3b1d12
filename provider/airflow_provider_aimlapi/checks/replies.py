"""Sends the calls of a check one after another, and keeps the replies. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.answer_body import read_body
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, as_list, as_object
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.quotation import UNAUTHORIZED
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.api.client import CompletionClient
    from airflow_provider_aimlapi.checks.plan import Call
    from airflow_provider_aimlapi.checks.purse import Purse
    from airflow_provider_aimlapi.core.calls.completion import Completion

_REFUSED = frozenset({400, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to one call.

    Attributes:
        call: the call.
        client_request_id: the call's name in the API's log.
        answer: None if the call was not sent, or no answer came.
        payload: the JSON object in the answer's body; empty if there is none.
        completion: None if the answer is no completion.
        problem: why there is no completion.
        remedy: what to do about the problem, if that is known.
    """

    call: Call
    client_request_id: str
    answer: Answer | None = None
    payload: JsonObject = field(default_factory=dict)
    completion: Completion | None = None
    problem: str = ""
    remedy: str = ""

    @property
    def is_refused(self) -> bool:
        """Return whether the API refused the request itself, rather than the key or the model."""
        return self.answer is not None and self.answer.status in _REFUSED

    @property
    def first_message(self) -> JsonObject:
        """Return the message of the first choice."""
        return as_object(self._first_choice.get("message"))

    @property
    def finish_reason(self) -> object:
        """Return the finish reason in the API's own spelling."""
        return self._first_choice.get("finish_reason")

    @property
    def _first_choice(self) -> JsonObject:
        return next(map(as_object, as_list(self.payload.get("choices"))), {})


def without_answer(name: str, reply: Reply) -> Fact:
    """Return the fact of a call without a completion: its request was refused, or it stays open."""
    if reply.is_refused:
        return settled_fact(name, "refused", reply.problem)
    return open_fact(name, reply.problem)


@dataclass(slots=True, kw_only=True)
class CallSender:
    """Sends calls while the purse allows it.

    Attributes:
        client: sends one request.
        purse: limits the cost.
        nonce: the start of each call's name in the API's log.
        replies: the replies by the names of the calls.
    """

    client: CompletionClient
    purse: Purse
    nonce: str
    replies: dict[str, Reply] = field(default_factory=dict)

    async def send_once(self, call: Call) -> None:
        """Send a call once. The reply keeps what prevented an answer as its problem.

        Raises:
            AccessRefused: the key is not valid.
        """
        # 1. A call that the purse refuses is not sent.
        # 2. A call without an answer may have been billed, so the purse counts it.
        # 3. A 401 ends the check, because every other call would meet it, too.
        # 4. Any other answer is read, a refusal included.
        name = f"check-{self.nonce}:{call.name}"
        refusal = self.purse.why_not_allowed(call)
        if refusal is not None:
            self.replies[call.name] = Reply(call=call, client_request_id=name, problem=refusal)
            return
        self.purse.sent += 1
        try:
            answer = await self.client.send(call.body, name)
        except ApiError as error:
            self._pay_for(call, error)
            self.replies[call.name] = Reply(call=call, client_request_id=name, problem=str(error))
            return
        if answer.status == UNAUTHORIZED:
            raise error_of(answer, call.body)
        self.replies[call.name] = self._read_answer(call, name, answer)

    def _read_answer(self, call: Call, name: str, answer: Answer) -> Reply:
        # The body is kept also if it is no completion: the facts about refusals come from it.
        try:
            completion = decode_answer(answer, call.body)
        except ApiError as error:
            self._pay_for(call, error)
            return Reply(
                call=call,
                client_request_id=name,
                answer=answer,
                payload=read_envelope(answer.body),
                problem=error.refusal if isinstance(error, AccessRefused) else str(error),
                remedy=error.remedy if isinstance(error, AccessRefused) else "",
            )
        self.purse.add_cost(call, completion)
        return Reply(
            call=call,
            client_request_id=name,
            answer=answer,
            payload=read_body(answer),
            completion=completion,
        )

    def _pay_for(self, call: Call, error: ApiError) -> None:
        cost = error.cost_nano_usd if isinstance(error, WireViolation) else None
        if cost is not None:
            self.purse.spent_nano_usd += cost
        elif error.is_perhaps_billed:
            self.purse.pay_most(call)
