"""What holds for everything that comes out of the wire, whatever went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.errors import ApiError, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.core.calls.completion import Completion

INT64_MAX = 2**63 - 1
MESSAGE_CHARACTERS_MAX = 2000


def decoded(answer: Answer) -> Completion | ApiError:
    """The completion or the documented error; anything else that is raised fails the test."""
    try:
        completion = decode_answer(answer)
    except ApiError as error:
        assert_error_can_be_shown(error, answer)
        return error
    assert_completion_can_be_stored(completion)
    return completion


def read_or_violation(answer: Answer) -> Completion | None:
    """The completion, or None for a WireViolation; any other error fails the test."""
    outcome = decoded(answer)
    if isinstance(outcome, ApiError):
        assert isinstance(outcome, WireViolation)
        return None
    return outcome


def assert_completion_can_be_stored(completion: Completion) -> None:
    """Parquet holds UTF-8 and 64 bit numbers; anything else would fail after the row was paid."""
    assert completion.status in ("ok", "truncated", "refused")
    assert completion.status == "ok" or completion.error
    texts = (completion.text, completion.error, completion.finish_reason, completion.model)
    for text in texts:
        assert isinstance((text or "").encode("utf-8"), bytes)
    for count in (
        completion.prompt_tokens,
        completion.completion_tokens,
        completion.cached_tokens,
        completion.reasoning_tokens,
        completion.cache_write_tokens,
        completion.cost_nano_usd,
    ):
        assert count is None or (type(count) is int and 0 <= count <= INT64_MAX)
    for call in completion.tool_calls:
        for text in (call.call_id, call.name, call.arguments_json):
            assert isinstance(text.encode("utf-8"), bytes)


def assert_error_can_be_shown(error: ApiError, answer: Answer) -> None:
    """An error has words, not too many, and carries the status that it came with."""
    message = str(error)
    assert message.strip()
    assert len(message) <= MESSAGE_CHARACTERS_MAX
    assert isinstance(message.encode("utf-8"), bytes)
    assert error.status == answer.status
    assert isinstance((error.request_id or "").encode("utf-8"), bytes)
