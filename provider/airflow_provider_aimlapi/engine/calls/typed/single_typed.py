"""Make one completion whose answer follows a schema, outside any run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.calls.several_answers import Answers
from airflow_provider_aimlapi.engine.calls.typed.answer_check import AnswerCheck
from airflow_provider_aimlapi.engine.calls.typed.form_trial import REFUSED_FORM
from airflow_provider_aimlapi.engine.follow_ups import repair_turns
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.errors import AnswerInvalid, RequestRejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.calls.message import Message

    Send = Callable[[bytes], Awaitable[Completion]]


class Typed(NamedTuple):
    """How a typed answer is checked.

    Attributes:
        validator: checks an answer.
        repairs: how often an invalid answer is sent back.
    """

    validator: AnswerValidator
    repairs: int


async def complete_typed(
    send: Send,
    message: Message,
    encoders: Sequence[RequestEncoder],
    rules: Typed,
    *,
    check_first: Callable[[bytes, Completion], None],
) -> Completion:
    """Return a completion whose text follows the schema, with the tokens and the cost of all calls.

    Args:
        send: sends a body, and sends it again while that may help.
        encoders: one for each form of requests, the best form first.
        check_first: checks the first answer, and raises to end it.

    Raises:
        AnswerInvalid: the last answer does not follow the schema, was cut off or was refused.
        ApiError: the API refused a call in each form, or answered none of the attempts.
    """
    check = AnswerCheck(validator=rules.validator, clock=SystemClock())
    # Quotes are checked against the whole prompt, because there is no column.
    prompt = "".join(message.prompt)
    cells = dict.fromkeys(rules.validator.schema.quoted_columns, prompt)
    encoder, body, first = await _first_answer(send, message, encoders)
    check_first(body, first)
    answers = Answers(await check.check_completion(first, cells))
    for _ in range(rules.repairs):
        if answers.last.status != "invalid":
            break
        body = encoder.encode_repair(message, *repair_turns(answers.last))
        answers = answers.with_later(await check.check_completion(await send(body), cells))
    if answers.last.status != "ok":
        raise _invalid_answer(answers.last)
    return answers.last


async def _first_answer(
    send: Send, message: Message, encoders: Sequence[RequestEncoder]
) -> tuple[RequestEncoder, bytes, Completion]:
    """Return the answer to the best form that the API accepts, and its request."""
    *others, last = encoders
    for encoder in others:
        body = encoder.encode_request(message)
        try:
            return encoder, body, await send(body)
        except RequestRejected as error:
            if error.status != REFUSED_FORM:
                raise
    body = last.encode_request(message)
    return last, body, await send(body)


def _invalid_answer(completion: Completion) -> AnswerInvalid:
    reason = completion.reason or completion.error or completion.status
    return AnswerInvalid(
        f"The answer does not follow output_schema: {reason}.",
        in_full=f"The answer does not follow output_schema: {completion.error}.",
        text=completion.raw,
        cost_nano_usd=completion.cost_nano_usd,
    )
