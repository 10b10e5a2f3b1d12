from __future__ import annotations

import asyncio
import json
import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.calls.single import complete_body
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import (
    AccessRefused,
    ApiError,
    ApiUnavailable,
    RequestRejected,
    RunInterrupted,
    Throttled,
    WireViolation,
)
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion

SUCCESS = Answer(
    status=200,
    content_type="application/json",
    body=json.dumps(
        {
            "id": "gen-1",
            "model": "claude-sonnet-4-6",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "Hello."},
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    ).encode(),
)
UNREADABLE = Answer(status=200, content_type="text/html", body=b"<html>welcome</html>")
NO_ANSWER = ApiUnavailable("the connection broke")
SPEC = CompletionSpec(model=DEFAULT_MODEL, max_tokens=10)
BODY = RequestEncoder(SPEC).encode_request(message_of("Say hello.", "Be brief."))


def refusal(status: int, retry_after: str | None = None) -> Answer:
    body = b'{"error":{"message":"because"}}'
    return Answer(
        status=status, content_type="application/json", body=body, retry_after=retry_after
    )


class ScriptedClient:
    """Gives the scripted answers in turn, and the last one for ever; keeps what it was sent."""

    def __init__(self, *script: Answer | ApiError, answer_s: float = 0.0) -> None:
        self.sent: list[tuple[bytes, str]] = []
        self.sent_s: list[float] = []
        self._script = script
        self._answer_s = answer_s

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        self.sent_s.append(asyncio.get_running_loop().time())
        step = self._script[min(len(self.sent), len(self._script) - 1)]
        self.sent.append((body, client_request_id))
        await asyncio.sleep(self._answer_s)
        if isinstance(step, ApiError):
            raise step
        return step


def ask(
    client: ScriptedClient, settings: Settings | None = None, *, stop_s: float | None = None
) -> Completion:
    """Ask; `stop_s` seconds later somebody asks to stop."""

    async def main() -> Completion:
        stop = StopSignal()
        if stop_s is not None:
            asyncio.get_running_loop().call_later(stop_s, stop.request_stop)
        random = Random(1)  # noqa: S311  # jitter that can be repeated
        return await complete_body(client, BODY, settings or Settings(), random, stop)

    return run_virtual(main())


def test_an_answer_is_asked_for_once() -> None:
    client = ScriptedClient(SUCCESS)
    completion = ask(client)
    assert (completion.text, completion.status) == ("Hello.", "ok")
    ((body, _),) = client.sent
    assert json.loads(body) == {
        "model": DEFAULT_MODEL,
        "max_tokens": 10,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Say hello."}],
    }


def test_each_exchange_has_a_name_that_the_api_keeps() -> None:
    client = ScriptedClient(refusal(500), refusal(429), SUCCESS)
    ask(client)
    ask(again := ScriptedClient(SUCCESS))
    names = [name for _, name in (*client.sent, *again.sent)]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", name) for name in names)


def test_the_same_request_is_sent_again() -> None:
    client = ScriptedClient(refusal(503), NO_ANSWER, UNREADABLE, SUCCESS)
    assert ask(client).text == "Hello."
    assert len({body for body, _ in client.sent}) == 1
    assert len(client.sent) == 4


def test_429s_use_up_no_attempt() -> None:
    client = ScriptedClient(*[refusal(429)] * 30, SUCCESS)
    assert ask(client, Settings(max_attempts=1)).text == "Hello."
    assert len(client.sent) == 31


def test_429s_for_ever_end_at_the_stall_time_out() -> None:
    client = ScriptedClient(refusal(429))
    with pytest.raises(ApiUnavailable, match="within 2 min 0 s") as caught:
        ask(client, Settings(stall_timeout_s=120))
    assert not isinstance(caught.value, Throttled)
    assert 10 < len(client.sent) < 200
    assert client.sent_s[-1] <= 120


def test_call_in_flight_outlasts_the_stall_timeout() -> None:
    client = ScriptedClient(SUCCESS, answer_s=700)
    assert ask(client, Settings(request_timeout_s=900)).text == "Hello."


def test_nothing_is_sent_again_after_the_stall_time_out() -> None:
    client = ScriptedClient(refusal(503), SUCCESS, answer_s=700)
    with pytest.raises(ApiUnavailable, match=r"within 10 min.*because") as caught:
        ask(client)
    assert caught.value.status == 503
    assert len(client.sent) == 1


def test_wait_that_would_end_too_late_is_not_begun() -> None:
    client = ScriptedClient(refusal(503, retry_after="300"), SUCCESS)
    with pytest.raises(ApiUnavailable, match="within 2 min") as caught:
        ask(client, Settings(stall_timeout_s=120))
    assert caught.value.retry_after_s == 300
    assert len(client.sent) == 1


def test_stop_during_a_wait_prevents_another_call() -> None:
    client = ScriptedClient(refusal(503, retry_after="300"), SUCCESS)
    with pytest.raises(RunInterrupted):
        ask(client, stop_s=10)
    assert len(client.sent) == 1


def test_stop_lets_call_in_flight_come_to_its_end() -> None:
    client = ScriptedClient(SUCCESS, answer_s=100)
    assert ask(client, stop_s=10).text == "Hello."


def test_a_stop_before_the_first_call_sends_nothing() -> None:
    client = ScriptedClient(SUCCESS)
    random = Random(1)  # noqa: S311  # jitter that can be repeated
    stop = StopSignal()
    stop.request_stop()
    with pytest.raises(RunInterrupted):
        run_virtual(complete_body(client, BODY, Settings(), random, stop))
    assert client.sent == []


@pytest.mark.parametrize("failure", [refusal(500), refusal(503), NO_ANSWER])
@pytest.mark.parametrize("max_attempts", [1, 2, 8])
def test_outages_are_tried_as_often_as_allowed(
    failure: Answer | ApiError, max_attempts: int
) -> None:
    client = ScriptedClient(failure)
    with pytest.raises(ApiUnavailable):
        ask(client, Settings(max_attempts=max_attempts))
    assert len(client.sent) == max_attempts


def test_the_last_allowed_attempt_may_succeed() -> None:
    client = ScriptedClient(refusal(500), refusal(429), refusal(500), SUCCESS)
    assert ask(client, Settings(max_attempts=3)).text == "Hello."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRejected),
        (413, RequestRejected),
        (422, RequestRejected),
        (401, AccessRefused),
        (403, AccessRefused),
        (404, AccessRefused),
    ],
)
def test_what_no_second_try_can_mend_is_sent_once(status: int, kind: type[ApiError]) -> None:
    client = ScriptedClient(refusal(status))
    with pytest.raises(kind) as caught:
        ask(client)
    assert caught.value.status == status
    assert len(client.sent) == 1


def test_a_key_that_is_refused_between_outages_ends_it() -> None:
    client = ScriptedClient(refusal(500), refusal(429), refusal(401), SUCCESS)
    with pytest.raises(AccessRefused):
        ask(client)
    assert len(client.sent) == 3


def test_unreadable_answers_are_bought_three_times_at_most() -> None:
    client = ScriptedClient(UNREADABLE)
    with pytest.raises(WireViolation):
        ask(client, Settings(max_attempts=100))
    assert len(client.sent) == 3


def test_unreadable_answers_count_as_attempts() -> None:
    client = ScriptedClient(UNREADABLE)
    with pytest.raises(WireViolation):
        ask(client, Settings(max_attempts=2))
    assert len(client.sent) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int) -> None:
    client = ScriptedClient(refusal(status, retry_after="42"), SUCCESS)
    ask(client)
    assert 42 <= client.sent_s[1] <= 43


def test_pauses_grow_while_the_outage_lasts() -> None:
    client = ScriptedClient(refusal(500))
    with pytest.raises(ApiUnavailable):
        ask(client)
    for number in range(1, 8):
        pause_s = client.sent_s[number] - client.sent_s[number - 1]
        assert 0 < pause_s <= 2 ** (number - 1)
