"""What a finish reason means, in the words of many gateways."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.api.messages.finish_reasons import meaning_of
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.errors import WireViolation
from tests.unit.api.answers import answer_of, stream_of, with_message

FAILING = [
    "error",
    "ERROR",
    " Error ",
    "server_error",
    "network-error",
    "MALFORMED_RESPONSE",
    "engine_overloaded",
    "cancelled",
    "aborted",
    "failed",
    "timeout",
    "insufficient_system_resource",
]


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        *((reason, "failed") for reason in FAILING),
        *((reason, "truncated") for reason in ("length", "MAX_TOKENS", "Max-Output-Tokens")),
        *((reason, "refused") for reason in ("SAFETY", "content-filter", "ERROR_TOXIC")),
        *((reason, "ok") for reason in (None, "", "stop", "end_turn", "tool_use", "EOS", "other")),
        *((reason, "ok") for reason in ("terror", "errorless", "lengthy")),
    ],
)
def test_finish_reason_has_one_meaning(reason: str | None, meaning: str) -> None:
    assert meaning_of(reason) == meaning


@pytest.mark.parametrize("reasons", [(one, None) for one in FAILING] + [("stop", "ERROR")])
def test_answer_that_broke_off_is_not_ok(reasons: tuple[str, str | None]) -> None:
    payload = with_message(reasons[0])
    payload["choices"][0]["native_finish_reason"] = reasons[1]
    with pytest.raises(WireViolation, match="it says that it failed"):
        decode_answer(answer_of(payload))


@pytest.mark.parametrize(
    ("reason", "status"), [("MAX_TOKENS", "truncated"), ("RECITATION", "refused")]
)
def test_foreign_word_is_read_in_both_forms(reason: str, status: str) -> None:
    delta = {"index": 0, "delta": {"content": "Hi!"}, "finish_reason": reason}
    for answer in (answer_of(with_message(reason)), stream_of({"choices": [delta]})):
        completion = decode_answer(answer)
        assert (completion.status, completion.finish_reason) == (status, reason)


@pytest.mark.parametrize(
    ("code", "is_failing"),
    [(500, True), ("500", True), (400, True), (200, False), ("ok", False), ("9" * 5000, False)],
)
def test_status_of_an_error_beside_choices_counts(code: int | str, is_failing: bool) -> None:
    payload: dict[str, Any] = {**with_message("stop"), "statusCode": code}
    if not is_failing:
        assert decode_answer(answer_of(payload)).status == "ok"
        return
    with pytest.raises(WireViolation, match="it says that it failed"):
        decode_answer(answer_of(payload))
