"""Sends the calls of a check, one after the other, and keeps what came back. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.answer_body import read_body
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, as_list, as_object
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.checks.facts import Fact, settled, unsettled
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
    """What came back for one call.

    Attributes:
        client_request_id: what it was called in the API's log.
        answer: None if the call was not sent, or nothing came back.
        payload: the JSON object in the answer's body; empty where there is none.
        completion: None for anything but a completion.
        problem: why there is none. remedy: what to do about it, where that is known.
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
        """Whether the API does not accept the request: not whether it refuses key or model."""
        return self.answer is not None and self.answer.status in _REFUSED

    @property
    def message(self) -> JsonObject:
        """The message of the first choice."""
        return as_object(self._choice.get("message"))

    @property
    def finish_reason(self) -> object:
        """The API's own word."""
        return self._choice.get("finish_reason")

    @property
    def _choice(self) -> JsonObject:
        return next(map(as_object, as_list(self.payload.get("choices"))), {})


def without_answer(name: str, reply: Reply) -> Fact:
    """Return what a call without a completion shows: refused as a request, or nothing."""
    if reply.is_refused:
        return settled(name, "refused", reply.problem)
    return unsettled(name, reply.problem)


@dataclass(slots=True, kw_only=True)
class Asker:
    """Sends calls while the purse allows it.

    Attributes:
        nonce: begins the name of each call, in the API's log.
        replies: by the names of the calls.
    """

    client: CompletionClient
    purse: Purse
    nonce: str
    replies: dict[str, Reply] = field(default_factory=dict)

    async def ask(self, call: Call) -> None:
        """Send a call once. What stands in its way is kept as the reply's problem.

        Raises:
            AccessRefused: the key is not valid.
        """
        name = f"check-{self.nonce}:{call.name}"
        refusal = self.purse.refusal(call)
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
        self.replies[call.name] = self._read(call, name, answer)

    def _read(self, call: Call, name: str, answer: Answer) -> Reply:
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
        self.purse.pay(call, completion)
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
