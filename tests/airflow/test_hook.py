"""The hook as Airflow's form, its Test button and a DAG's author meet it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aimlapi_simulator.faults.script import Account, Fault, Script
from airflow_provider_aimlapi.errors import AccessRefused, InvalidSpec, RequestRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]
FIELDS = ["max_concurrency", "requests_per_minute", "tokens_per_minute", "proxy", "ca_file"]


class Relay(ThreadingHTTPServer):
    """Passes completions on to the simulator, and keeps their requests."""

    def __init__(self, to: str) -> None:
        super().__init__(("127.0.0.1", 0), RelayedCall)
        self.to = to
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class RelayedCall(BaseHTTPRequestHandler):
    """One call through the relay."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Relay)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        wanted = {"Authorization", "Content-Type"}
        headers = {name: self.headers[name] for name in wanted}
        answer = httpx.post(self.server.to + self.path, content=body, headers=headers)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *words: object) -> None:
        """Nothing: a test's output is for its failures."""


@pytest.fixture
def relay(api: Any) -> Iterator[Relay]:
    with Relay(api.simulator.url) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def hook(api: Any) -> AIMLAPIHook:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    return AIMLAPIHook()


def test_airflow_finds_the_hook_and_draws_its_form() -> None:
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManager()  # type: ignore[no-untyped-call]
    behaviour = dict(manager.field_behaviours)["aimlapi"]
    fields = [
        info.field_name
        for info in manager.connection_form_widgets.values()
        if info.package_name == "airflow-provider-aimlapi"
    ]
    runtime = ProvidersManagerTaskRuntime()  # type: ignore[no-untyped-call]
    found = runtime.hooks["aimlapi"]
    assert found is not None
    assert found.hook_name == "AI/ML API"
    assert found.connection_id_attribute_name == "aimlapi_conn_id"
    assert sorted(behaviour["hidden_fields"]) == ["login", "port", "schema"]
    assert behaviour["relabeling"] == {"host": "Base URL", "password": "API key"}
    assert fields == FIELDS


def test_older_airflows_get_the_same_form_from_the_hook(hook: AIMLAPIHook) -> None:
    from airflow.providers_manager import ProvidersManager

    behaviour = hook.get_ui_field_behaviour()
    manager = ProvidersManager()  # type: ignore[no-untyped-call]
    drawn = dict(manager.field_behaviours)["aimlapi"]
    assert behaviour["hidden_fields"] == drawn["hidden_fields"]
    assert behaviour["relabeling"] == drawn["relabeling"]
    assert list(hook.get_connection_form_widgets()) == FIELDS


def test_the_provider_info_follows_airflows_schema() -> None:
    import json
    from importlib.resources import files

    import jsonschema

    from airflow_provider_aimlapi import __version__
    from airflow_provider_aimlapi.provider_info import get_provider_info

    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)
    assert get_provider_info()["versions"] == [__version__]


def test_connection_test_shows_balance_and_spends_nothing(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(account=Account(balance_usd=123.45, key_limit_usd=25)))
    assert hook.test_connection() == (
        True,
        "Connected. Balance 123.45 USD. Key limit 25 USD a month, 0.00 used.",
    )
    assert api.paid_calls == 0
    assert api.completions == []


def test_connection_test_reports_a_wrong_key(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(account=Account(key="another-key")))
    is_connected, words = hook.test_connection()
    assert not is_connected
    assert "key" in words
    assert "never-to-be-seen" not in words


def test_connection_test_reports_missing_credit(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(account=Account(balance_usd=0)))
    is_ready, words = hook.test_connection()
    assert not is_ready
    assert words.startswith("Connected. Balance 0.00 USD. Top up")


def test_button_needs_a_port_and_the_command_does_not(
    server: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the docs state: the form sends port 0 and a masked key for a stored connection without a port."""
    from tests.airflow.conftest import token

    stored = {"conn_type": "aimlapi", "host": api.simulator.url, "password": "k" * 20}
    monkeypatch.setenv("AIRFLOW_CONN_TESTED", json.dumps(stored))
    form = {
        "connection_id": "tested",
        "conn_type": "aimlapi",
        "host": api.simulator.url,
        "password": "***",
        "port": 0,
    }
    headers = {"Authorization": f"Bearer {token('ADMIN')}"}

    def press(body: dict[str, object]) -> int:
        status: int = server.post(
            "/api/v2/connections/test", json=body, headers=headers
        ).status_code
        return status

    assert press(form) == 403
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    assert press(form) == 400
    assert press({**form, "port": None}) == 200


def test_connection_test_reports_a_wrong_address(connect: Any) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    is_connected, words = AIMLAPIHook(
        connect("elsewhere", host="http://127.0.0.1:9", password="sk-secret")
    ).test_connection()
    assert not is_connected
    assert "127.0.0.1:9" in words or "connect" in words.lower()


def test_connection_test_reports_a_missing_key(connect: Any) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    is_connected, words = AIMLAPIHook(connect("keyless")).test_connection()
    assert not is_connected
    assert "has no API key" in words


async def test_the_test_button_works_where_an_event_loop_runs(hook: AIMLAPIHook) -> None:
    assert hook.test_connection()[0]


@pytest.mark.parametrize("stream", [False, True])
def test_one_prompt_is_answered_and_its_price_known(
    hook: AIMLAPIHook, api: Any, stream: bool
) -> None:
    completion = hook.complete("Say hello to {name}.", system="Be brief.", stream=stream)
    assert completion.status == "ok"
    assert completion.text
    assert completion.cost_nano_usd == api.simulator.ledger.total_credits * 500
    assert api.paid_calls == 1


TOOL = {
    "name": "look_up",
    "description": "Looks a word up.",
    "input_schema": {"type": "object", "properties": {"word": {"type": "string"}}},
}


@pytest.mark.parametrize(
    "arguments",
    [
        {
            "max_tokens": 3000,
            "temperature": 1,
            "stop_sequences": ["THE END"],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "metadata": {"user_id": "42"},
        },
        {
            "max_tokens": 10,
            "top_p": 0.5,
            "top_k": 40,
            "tools": [TOOL],
            "tool_choice": {"type": "tool", "name": "look_up"},
        },
        {"max_tokens": 10, "temperature": 0.25, "tools": [TOOL], "stream": True},
    ],
    ids=["thinking", "sampling and tools", "stream"],
)
def test_all_parameters_reach_the_model_and_nothing_else(
    relay: Relay, connect: Any, arguments: dict[str, Any]
) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    hook = AIMLAPIHook(connect("relayed", host=relay.url, password="key"))
    completion = hook.complete("A long story, please.", system="Be kind.", **arguments)

    assert completion.status in {"ok", "truncated"}
    (body,) = relay.bodies
    assert body == {
        "model": "anthropic/claude-sonnet-4-6-20260218",
        "messages": [{"role": "user", "content": "A long story, please."}],
        "system": "Be kind.",
        **arguments,
    }


def test_failed_calls_are_retried_as_rows_are(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(faults=(Fault(kind="500", times=1),)))
    assert hook.complete("Hello").status == "ok"
    assert [record.status for record in api.completions] == [500, 200]


def test_refused_keys_end_a_call_at_once(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(account=Account(key="another-key")))
    with pytest.raises(AccessRefused) as refused:
        hook.complete("Hello")
    assert "never-to-be-seen" not in repr(refused.getrepr(showlocals=True))
    assert len(api.completions) == 1


def test_rejected_requests_are_not_sent_again(hook: AIMLAPIHook, api: Any) -> None:
    with pytest.raises(RequestRejected):
        hook.complete("Hello", tools=[{"nonsense": True}])
    assert len(api.completions) == 1


@pytest.mark.parametrize(
    ("prompt", "arguments", "sentence"),
    [
        ("", {}, "prompt is empty"),
        ("Hello", {"temperature": 2}, "temperature=2"),
        ("Hello", {"stop_sequences": "END"}, "give a list"),
        ("Hello", {"max_attempts": 0}, "max_attempts=0"),
    ],
)
def test_a_wrong_argument_is_refused_before_a_call(
    hook: AIMLAPIHook, api: Any, prompt: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidSpec, match=sentence):
        hook.complete(prompt, **arguments)
    assert api.completions == []


def test_the_client_is_ready_for_any_other_call(hook: AIMLAPIHook) -> None:
    with hook.get_conn() as client:
        assert client.get("/v2/billing").json()["currency"] == "USD"


def test_the_key_is_in_no_repr(hook: AIMLAPIHook) -> None:
    assert "never-to-be-seen" not in repr(hook) + repr(vars(hook)) + repr(hook.endpoint)
