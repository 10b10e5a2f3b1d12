"""Behind a company's proxy and certificate authority: hook, form, Test button and operator."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from aimlapi_simulator import Script
from aimlapi_simulator.faults.script import Account
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable, ConnectionIncomplete
from tests.fakes.corporate_network import (
    BASE_URL,
    SECRETS,
    CorporateNetwork,
    corporate_network,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]
KEY = "sk-corporate-secret-4711"
TEXTS = [f"Text number {number}." for number in range(12)]
LOCAL = "127.0.0.1,localhost"


@pytest.fixture
def network(api: Any, tmp_path: Path) -> Iterator[CorporateNetwork]:
    api.follow(Script(account=Account(key=KEY)))
    with corporate_network(int(api.simulator.url.rpartition(":")[2]), tmp_path) as network:
        yield network


def by_environment(network: CorporateNetwork) -> tuple[dict[str, str], dict[str, object]]:
    return {"HTTPS_PROXY": network.proxy_url, "SSL_CERT_FILE": str(network.ca_file)}, {}


def by_other_variables(network: CorporateNetwork) -> tuple[dict[str, str], dict[str, object]]:
    return {"all_proxy": network.proxy_url, "REQUESTS_CA_BUNDLE": str(network.ca_file)}, {}


def by_extra(network: CorporateNetwork) -> tuple[dict[str, str], dict[str, object]]:
    """The environment names what does not work."""
    wrong = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*", "SSL_CERT_FILE": "/absent"}
    return wrong, {"proxy": network.proxy_url, "ca_file": str(network.ca_file)}


WAYS = [by_environment, by_other_variables, by_extra]


@pytest.fixture
def hook_by(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AIMLAPIHook]:
    """Sets the environment and the default connection; gives the hook."""

    def make(
        variables: dict[str, str], extra: dict[str, object], host: str = BASE_URL
    ) -> AIMLAPIHook:
        from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

        monkeypatch.setenv("NO_PROXY", LOCAL)
        monkeypatch.delenv("no_proxy", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        connect("aimlapi_default", host=host, password=KEY, extra=extra)
        return AIMLAPIHook()

    return make


@pytest.mark.parametrize("way", WAYS)
def test_all_hook_calls_use_the_proxy(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook], way: Any
) -> None:
    hook = hook_by(*way(network))
    assert hook.test_connection()[0]
    assert hook.complete("Hello").status == "ok"
    with hook.get_conn() as client:
        assert client.get("/v1/models").status_code == 200
    assert network.proxy.tunnels == 3
    assert KEY.encode() not in network.proxy.seen


@pytest.mark.parametrize("way", WAYS)
def test_operators_use_the_proxy_and_show_no_secret(
    network: CorporateNetwork,
    hook_by: Callable[..., AIMLAPIHook],
    way: Any,
    api: Any,
    lake: Any,
    run_task: Callable[..., Any],
) -> None:
    lake.put("in/texts.parquet", {"text": TEXTS})
    hook_by(*way(network))
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    run = run_task(**paths, prompt="{text}", max_cost_usd=1)
    assert run.state == "success", run.output
    assert run.summary["ok"] == len(TEXTS) == api.paid_calls
    assert network.proxy.tunnels > 0
    stored = b"".join(lake.read(name) for name in lake.names("out"))
    assert not [secret for secret in (*SECRETS, KEY) if secret in f"{run.output}{run.rendered}"]
    assert not [secret for secret in (*SECRETS, KEY) if secret.encode() in stored]


def test_neither_proxy_nor_certificates_make_another_run(
    network: CorporateNetwork,
    hook_by: Callable[..., AIMLAPIHook],
    lake: Any,
    api: Any,
    run_task: Callable[..., Any],
) -> None:
    lake.put("in/texts.parquet", {"text": TEXTS})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    keys = set()
    for way in WAYS:
        hook_by(*way(network))
        run = run_task(**paths, prompt="{text}")
        assert run.state == "success", run.output
        keys.add(run.summary["run_key"])
    assert len(keys) == 1
    assert api.paid_calls == len(TEXTS)


def told_in_both(hook: AIMLAPIHook, kind: type[Exception]) -> str:
    """Return the error of a call, after a check that the Test button shows the same."""
    with pytest.raises(kind) as failed:
        hook.complete("Hello", max_attempts=1)
    is_ready, words = hook.test_connection()
    assert not is_ready
    assert words == str(failed.value)
    assert not [secret for secret in (*SECRETS, KEY) if secret in words]
    return words


def test_silent_proxies_are_named_with_their_variable(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook]
) -> None:
    variables, extra = by_environment(network)
    network.proxy.is_down = True
    words = told_in_both(hook_by(variables, extra), ApiUnavailable)
    assert f"127.0.0.1:{network.proxy.port}, from HTTPS_PROXY" in words
    assert "NO_PROXY" in words


def test_connections_proxy_is_named_with_its_field(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook]
) -> None:
    network.proxy.is_down = True
    words = told_in_both(hook_by(*by_extra(network)), ApiUnavailable)
    assert f"127.0.0.1:{network.proxy.port}, from proxy in the extra of connection" in words
    assert "'aimlapi_default'" in words
    assert "HTTPS_PROXY" not in words


def test_wrong_credentials_are_named_as_such(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook]
) -> None:
    variables, extra = by_environment(network)
    for user in ("", "svc-lake:wr0ng-one@"):
        variables["HTTPS_PROXY"] = f"http://{user}127.0.0.1:{network.proxy.port}"
        words = told_in_both(hook_by(variables, extra), AccessRefused)
        assert "HTTP 407" in words
        assert "user name and password" in words
        assert "wr0ng" not in words


def test_a_certificate_names_what_it_was_checked_against(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook], tmp_path: Path
) -> None:
    import trustme

    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    variables, extra = by_environment(network)
    variables["SSL_CERT_FILE"] = str(other)
    words = told_in_both(hook_by(variables, extra), AccessRefused)
    assert "other-ca.pem' from SSL_CERT_FILE" in words
    for way in ("ca_file", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert way in words
    words = told_in_both(hook_by(variables, {"ca_file": str(other)}), AccessRefused)
    assert "other-ca.pem' from ca_file in the extra" in words
    del variables["SSL_CERT_FILE"]


def test_log_explains_calls_without_the_proxy(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook]
) -> None:
    variables, _ = by_environment(network)
    host = "https://api.corp.invalid"
    exempting = {**variables, "NO_PROXY": "corp.invalid"}
    words = told_in_both(hook_by(exempting, {}, host), ApiUnavailable)
    assert "NO_PROXY exempts it from HTTPS_PROXY" in words
    words = told_in_both(hook_by(variables, {"proxy": "none"}, host), ApiUnavailable)
    assert 'is "none"' in words
    assert network.proxy.connections == 0


@pytest.mark.parametrize(
    ("variables", "extra", "sentence"),
    [
        ({"SSL_CERT_FILE": "/absent.pem"}, {}, "SSL_CERT_FILE names '/absent.pem', which does not"),
        ({"SSL_CERT_DIR": "/absent"}, {}, "SSL_CERT_DIR names '/absent'"),
        ({"REQUESTS_CA_BUNDLE": "/absent.pem"}, {}, "REQUESTS_CA_BUNDLE names '/absent.pem'"),
        ({}, {"ca_file": "/absent.pem"}, "ca_file in the extra of connection"),
        ({"HTTPS_PROXY": "socks5://me:p4ss@p:1"}, {}, "HTTPS_PROXY names a SOCKS proxy"),
        (
            {"HTTPS_PROXY": "https://me:p4ss@p:1"},
            {},
            "HTTPS_PROXY names a proxy with an https:// URL",
        ),
        ({}, {"proxy": "socks4://me:p4ss@p:1"}, "proxy in the extra of .* names a SOCKS proxy"),
        ({}, {"proxy": ["http://me:p4ss@p:1"]}, "proxy in its extra is not a text"),
    ],
)
def test_unusable_route_fails_before_any_call(
    hook_by: Callable[..., AIMLAPIHook],
    variables: dict[str, str],
    extra: dict[str, object],
    sentence: str,
) -> None:
    hook = hook_by(variables, extra)
    is_ready, words = hook.test_connection()
    assert not is_ready
    assert re.search(sentence, words)
    assert "p4ss" not in words
    for ask in (lambda: hook.endpoint, hook.get_conn, lambda: hook.complete("Hello")):
        with pytest.raises(ConnectionIncomplete) as refused:
            ask()
        assert str(refused.value) == words


def test_wrong_ca_file_fails_before_any_write(
    hook_by: Callable[..., AIMLAPIHook], lake: Any, run_task: Callable[..., Any]
) -> None:
    lake.put("in/texts.parquet", {"text": TEXTS})
    hook_by({}, {"ca_file": "/absent.pem"})
    paths = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    run = run_task(**paths, prompt="{text}")
    assert (run.state, run.tries) == ("failed", 1)
    assert "names '/absent.pem', which does not exist" in run.output
    assert lake.names("out") == []


@pytest.mark.parametrize("way", [by_environment, by_extra])
def test_credentials_of_a_proxy_are_masked_in_logs(
    network: CorporateNetwork, hook_by: Callable[..., AIMLAPIHook], way: Any
) -> None:
    from airflow.sdk._shared.secrets_masker import redact, reset_secrets_masker

    hook = hook_by(*way(network))
    reset_secrets_masker()
    assert hook.endpoint.route.proxy is not None
    assert [redact(f"x {secret} y") for secret in (*SECRETS, KEY)] == ["x *** y"] * 4


def test_form_hides_the_proxy_and_has_a_file_field() -> None:
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (form,) = [
        meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "aimlapi"
    ]
    fields = json.loads(form.model_dump_json())["extra_fields"]
    assert fields["proxy"]["schema"]["format"] == "password"
    assert fields["proxy"]["schema"]["type"] == ["string", "null"]
    assert "format" not in fields["ca_file"]["schema"]


def test_airflow_leaves_a_proxy_out_where_it_lists_connections(
    network: CorporateNetwork, connect: Any
) -> None:
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse
    from airflow.models import Connection

    extra = json.dumps({"proxy": network.proxy_url, "ca_file": "/company.pem"})
    stored = Connection(conn_id="lake", conn_type="aimlapi", password=KEY, extra=extra)
    shown = ConnectionResponse.model_validate(stored, from_attributes=True).model_dump_json()
    assert "/company.pem" in shown
    assert not [secret for secret in (*SECRETS, KEY) if secret in shown]


EXTRA = '{{"proxy": "http://me:p4ss@proxy.corp:3128", "ca_file": "{ca}"}}'
FORMS = [
    "aimlapi://:k@?proxy=http%3A%2F%2Fme%3Ap4ss@proxy.corp%3A3128&ca_file={ca}",
    f'{{{{"conn_type": "aimlapi", "password": "k", "extra": {EXTRA}}}}}',
    f'{{{{"conn_type": "aimlapi", "password": "k", "extra": {json.dumps(EXTRA)}}}}}',
    f"aimlapi://:k@?{urlencode({'__extra__': EXTRA}, safe='{}')}",
]


@pytest.mark.parametrize("written", FORMS)
def test_a_connection_of_any_form_names_proxy_and_file(
    network: CorporateNetwork, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_aimlapi.commands.endpoint_variable import endpoint_from_connection
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    text = written.format(ca=network.ca_file)
    monkeypatch.setenv("AIRFLOW_CONN_WRITTEN", text)
    by_hook = AIMLAPIHook("written").endpoint.route
    by_command = endpoint_from_connection({"WRITTEN": text}, "WRITTEN").route
    for route in (by_hook, by_command):
        assert route.proxy is not None
        assert route.certificates is not None
        assert route.proxy.shown_address == "proxy.corp:3128"
        assert route.proxy.authorization == "Basic bWU6cDRzcw=="
        assert route.certificates.path == str(network.ca_file)
