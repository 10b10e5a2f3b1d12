"""Turns a decoded answer into a Completion, and never loses a paid answer.

A wrong type in a field that is not used counts as a missing field. An answer is unreadable only
without a first choice, with content that is neither text nor parts, or if it states that it failed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.damaged_json import strict_text
from airflow_provider_aimlapi.api.messages.error_messages import message_in, tidy_line
from airflow_provider_aimlapi.api.messages.finish_reasons import meaning_of
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_count,
    as_list,
    as_object,
    as_text,
    as_word,
    encode_json,
    is_strict_json,
)
from airflow_provider_aimlapi.core.calls.completion import Completion, CompletionStatus, ToolCall
from airflow_provider_aimlapi.core.durable.bounds import ANSWER_TOKENS_MAX
from airflow_provider_aimlapi.core.money.pricing import nano_usd_from_credits, nano_usd_from_usd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.answer import Answer

FAILING_STATUS_MIN = 400
_STATUS = re.compile(r"[0-9]{3}")
NO_TEXT = "the model returned no text"
TRUNCATED = "cut off at max_tokens; raise max_tokens for a whole answer"


def read_completion(answer: Answer, payload: JsonObject) -> Completion:
    """Return the completion in an answer's decoded body.

    Raises:
        Unreadable: there is none.
    """
    choice = _first_choice(payload)
    message = choice["message"]
    if not isinstance(message, dict):
        raise Unreadable("its choice holds no message")
    text = _text_of_message(message.get("content"))
    tool_calls = _tool_calls(message)
    reasons = [as_word(choice.get(name)) for name in ("finish_reason", "native_finish_reason")]
    status, error = _status_and_reason(reasons, as_text(message.get("refusal")))
    if status != "refused":  # a refusal is an answer, whatever else the message holds
        _check_success(reasons, choice, message, payload)
    # An empty answer is an answer, and was paid for. Its row says why the column is empty.
    if error is None and not text and not tool_calls:
        error = NO_TEXT
    usage = as_object(payload.get("usage"))
    prompt_details, answer_details = (
        as_object(usage.get(name))
        for name in ("prompt_tokens_details", "completion_tokens_details")
    )
    return Completion(
        text=text,
        status=status,
        error=error,
        finish_reason=next(filter(None, reasons), None),
        model=as_word(payload.get("model")),
        prompt_tokens=_token_count(usage.get("prompt_tokens")),
        completion_tokens=_token_count(usage.get("completion_tokens")),
        cached_tokens=_token_count(prompt_details.get("cached_tokens")),
        reasoning_tokens=_token_count(answer_details.get("reasoning_tokens")),
        cache_write_tokens=_token_count(prompt_details.get("cache_write_tokens")),
        cost_nano_usd=reported_cost(answer, payload),
        inference_id=answer.inference_id,
        tool_calls=tool_calls,
    )


def _token_count(count: object) -> int | None:
    return as_count(count, ANSWER_TOKENS_MAX)


def _check_success(reasons: Iterable[str | None], *objects: JsonObject) -> None:
    """Raise if one of the objects, or a finish reason, states that the answer failed.

    Raises:
        Unreadable: the answer failed.
    """
    message = next((message_in(one) for one in objects if is_failure(one)), None)
    if message is None and "failed" not in map(meaning_of, reasons):
        return
    raise Unreadable("it says that it failed", message or "")


def is_failure(found: JsonObject) -> bool:
    """Return whether an object states that it failed: by an error, or by a status of one."""
    error = found.get("error")
    has_error = any(error.values()) if isinstance(error, dict) else bool(error)
    status = found.get("statusCode")
    if isinstance(status, str) and _STATUS.fullmatch(status):
        status = int(status)
    return has_error or (as_count(status) or 0) >= FAILING_STATUS_MIN


def _first_choice(payload: JsonObject) -> JsonObject:
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Unreadable("it holds no choices", message_in(payload))
    choice = choices[0]
    if not isinstance(choice, dict) or "message" not in choice:
        raise Unreadable("its choice holds no message")
    return choice


def _text_of_message(content: object) -> str | None:
    """Return the text of a message: a string, or the joined texts of its parts; None for none."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Unreadable("its content is neither text nor a list of parts")
    texts = [part for part in map(_part_text, content) if part is not None]
    return "".join(texts) if texts else None


def _part_text(part: object) -> str | None:
    if isinstance(part, str):
        return part
    fields = as_object(part)
    text = fields.get("text")
    return text if fields.get("type", "text") == "text" and isinstance(text, str) else None


def _status_and_reason(
    reasons: Iterable[str | None], refusal: str
) -> tuple[CompletionStatus, str | None]:
    """Return status and reason.

    Args:
        reasons: the API's own finish reason, and that of a superset answer's upstream.
    """
    if refusal:
        return "refused", f"the model refused: {tidy_line(refusal)}"
    meanings = {meaning_of(reason): reason for reason in reasons}
    if "refused" in meanings:
        return "refused", f"the model refused ({meanings['refused']})"
    if "truncated" in meanings:
        return "truncated", TRUNCATED
    return "ok", None


def _tool_calls(message: JsonObject) -> tuple[ToolCall, ...]:
    """Return the calls in the API's own field, then those among the parts, as Anthropic has them.

    A call that is in both is returned once.
    """
    calls = [_tool_call(call) for call in as_list(message.get("tool_calls"))]
    seen = {call.call_id for call in calls if call.call_id}
    parts = [part for part in as_list(message.get("content")) if isinstance(part, dict)]
    among_parts = [_tool_call(part) for part in parts if part.get("type") == "tool_use"]
    return (*calls, *(call for call in among_parts if call.call_id not in seen))


def _tool_call(call: object) -> ToolCall:
    fields = as_object(call)
    named = as_object(fields.get("function")) or as_object(fields.get("custom")) or fields
    arguments = named.get("arguments", named.get("input"))
    arguments_json, is_valid_json = _arguments_as_json(
        arguments if isinstance(arguments, str) else encode_json(arguments or {})
    )
    return ToolCall(
        call_id=as_word(fields.get("id")) or "",
        name=as_word(named.get("name")) or "",
        arguments_json=arguments_json,
        is_valid_json=is_valid_json,
    )


def _arguments_as_json(text: str) -> tuple[str, bool]:
    """Return the arguments as the model wrote them, with U+FFFD for lost text, and if they are JSON.

    A number that JSON does not allow stays, because a tool must not receive another value.
    """
    if is_strict_json(text):
        return text, True
    # Some models write line breaks into their strings. A tool's parser would refuse them.
    strict = strict_text(text)
    return (strict, True) if is_strict_json(strict) else (text, False)


def reported_cost(answer: Answer, payload: JsonObject) -> int | None:
    """Return the charge that an answer reports: the first of four fields with a plausible amount.

    Headers come before the body, and dollars before credits. If they differ, the first counts,
    because the vendor's ledger shows the header. If none of them is there, the cost is unknown.
    """
    usage = as_object(as_object(payload.get("meta")).get("usage"))
    for read, amount in (
        (nano_usd_from_usd, answer.usd_spent),
        (nano_usd_from_credits, answer.credits_used),
        (nano_usd_from_usd, usage.get("usd_spent")),
        (nano_usd_from_credits, usage.get("credits_used")),
    ):
        cost = read(amount) if isinstance(amount, (str, int, float)) else None
        if cost is not None:
            return cost
    return None
