"""A 400 for the message that holds the system text is about the model, and not about the row."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder, decode_answer
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, RequestRejected
from tests.unit.api.answers import answer_of

REFUSALS = [
    (
        b'{"message": "Validation failed", "error": {"details": [{"path": "messages.0.role", '
        b'"reason": "Invalid enum value. Expected user or assistant, received system"}]}}'
    ),
    (
        b'{"message": "400 {\\"type\\":\\"error\\",\\"error\\":{\\"message\\":'
        b'\\"messages: Unexpected role system\\"}}"}'
    ),
]


def error(body: bytes, *, model: str, system: str | None, status: int = 400) -> ApiError:
    request = RequestEncoder(CompletionSpec(model=model)).encode_request(
        message_of("Which role?", system)
    )
    with pytest.raises(ApiError) as caught:
        decode_answer(answer_of(body, status=status), request)
    return caught.value


@pytest.mark.parametrize("body", REFUSALS)
@pytest.mark.parametrize(
    ("model", "also"),
    [
        ("anthropic/claude-sonnet-4.6", "'anthropic/claude-sonnet-4-6'"),
        ("anthropic/claude-opus-4.8", "'anthropic/claude-opus-4-8'"),
        ("anthropic/claude-sonnet-latest", ""),
    ],
)
def test_a_refused_role_names_the_dated_id(body: bytes, model: str, also: str) -> None:
    refused = error(body, model=model, system="Be brief.")
    assert isinstance(refused, AccessRefused)
    assert (refused.status, model in str(refused)) == (400, True)
    assert f"'{DEFAULT_MODEL}'" in str(refused)
    assert also in str(refused)


@pytest.mark.parametrize(
    ("body", "model", "system", "status"),
    [
        (REFUSALS[0], "anthropic/claude-sonnet-4.6", None, 400),
        (REFUSALS[0], DEFAULT_MODEL, "Be brief.", 400),
        (REFUSALS[0], "anthropic/claude-sonnet-4.6", "Be brief.", 422),
        (b'{"message": "prompt is too long"}', "anthropic/claude-sonnet-4.6", "Be brief.", 400),
    ],
    ids=["no system text", "a field", "another status", "another cause"],
)
def test_another_400_is_the_row_s_own(
    body: bytes, model: str, system: str | None, status: int
) -> None:
    assert type(error(body, model=model, system=system, status=status)) is RequestRejected
