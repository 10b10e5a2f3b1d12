"""`airflow-aimlapi reconcile` after real runs whose answers got lost: it finds what the ledger has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.commands.reconcile import ReconcileArguments, reconcile_run
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.texts.wording import format_usd
from tests.commands.conftest import run_folder, stop_half_way
from tests.fakes.connect_proxy import CREDENTIALS_WANTED
from tests.fakes.corporate_network import BASE_URL, SECRETS, corporate_network
from tests.runs.conftest import KEY, Workplace, script, texts_table
from tests.runs.test_run_resumes import CHILD, when_billed

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.core.money.reconciliation import Reconciliation

LEDGER_DELAY_S = 2.0
NANO_USD_PER_CREDIT = 500
LOST = Fault(kind="disconnect-billed", share=0.3, times=1, per_prompt=True)


@pytest.fixture(autouse=True)
def key_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_KEY", KEY)


def charges(place: Workplace) -> dict[tuple[int, int], list[int]]:
    """Return the nano-dollars of each billed call in the ledger by part and row, oldest first."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for record in place.sim.ledger.billed:
        _, part, row, _ = (record.client_request_id or "").split(":")
        found[int(part), int(row)].append(record.credits * NANO_USD_PER_CREDIT)
    return found


def let_the_log_catch_up(place: Workplace) -> None:
    place.sim.state.clock.move_forward(LEDGER_DELAY_S)


def reconciled(place: Workplace, run_key: str | None = None) -> Reconciliation:
    endpoint = Endpoint(base_url=place.sim.url, key=KEY)
    return reconcile_run(
        ReconcileArguments(output=place.output, run_key=run_key, since_s=None, endpoint=endpoint)
    )


def check_against_ledger(place: Workplace, found: Reconciliation) -> None:
    ledger = charges(place)
    again = {row: costs for row, costs in ledger.items() if len(costs) > 1}
    assert found.charged_calls == place.sim.ledger.billed_calls
    assert found.cost_nano_usd == place.sim.ledger.total_credits * NANO_USD_PER_CREDIT
    assert {(row.part, row.row): row.calls for row in found.rows_charged_again} == {
        row: len(costs) for row, costs in again.items()
    }
    assert {(row.part, row.row): row.extra_nano_usd for row in found.rows_charged_again} == {
        row: sum(costs[:-1]) for row, costs in again.items()
    }
    assert found.extra_nano_usd == sum(sum(costs[:-1]) for costs in again.values())


def test_lost_rows_are_named_with_their_extra_cost(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.sim.follow(script(faults=(LOST,)))
    report = place.run()
    let_the_log_catch_up(place)
    found = reconciled(place)
    assert 0 < len(found.rows_charged_again) < 60
    check_against_ledger(place, found)
    assert found.cost_nano_usd - found.extra_nano_usd == report.tally.cost_nano_usd
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("  ")]
    names = {0: "0-00000.parquet", 1: "1-00000.parquet", 2: "2-00000.parquet"}
    assert [line.split(":")[0].strip() for line in lines] == [
        f"{names[row.part]} row {row.row}" for row in found.rows_charged_again
    ]
    extra = format_usd(found.extra_nano_usd)
    assert f"{len(found.rows_charged_again)} rows billed more than once" in said
    assert f"and {extra} extra" in said
    assert f"{found.charged_calls} calls for 60 rows, {format_usd(found.cost_nano_usd)}" in said
    assert f"60 completed rows, {format_usd(report.tally.cost_nano_usd)}" in said
    assert "differs from the manifest" not in said
    assert "this command again" not in said


def test_without_losses_nothing_was_billed_again(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.sim.follow(script(faults=(Fault(kind="503", share=0.3, times=1, per_prompt=True),)))
    report = place.run()
    let_the_log_catch_up(place)
    found = reconciled(place)
    assert (found.charged_calls, found.rows_charged_again) == (60, ())
    assert found.cost_nano_usd == report.tally.cost_nano_usd
    assert "no row was billed more than once" in capsys.readouterr().out


def test_rows_in_flight_at_a_kill_are_found(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(200, 1_000), "9.parquet")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, place.input, place.output, place.sim.url, KEY]
    )
    when_billed(place, 120)
    child.send_signal(signal.SIGKILL)
    child.wait()
    place.run(lease_ttl_s=1.0, request_timeout_s=2.0)
    let_the_log_catch_up(place)
    found = reconciled(place)
    assert len(found.rows) == 260
    check_against_ledger(place, found)


def test_other_runs_of_the_same_key_are_left_out(place: Workplace) -> None:
    first = place.run().run_key
    calls = place.sim.ledger.billed_calls
    second = place.run(place.job(prompt="In one word:\n\n{body}"))
    let_the_log_catch_up(place)
    assert reconciled(place).cost_nano_usd == second.tally.cost_nano_usd
    assert reconciled(place, first).charged_calls == calls


def test_unpublished_run_is_reported_so_far(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    run_key = stop_half_way(place, 30)
    let_the_log_catch_up(place)
    found = reconciled(place, run_key)
    assert found.charged_calls == place.sim.ledger.billed_calls < 60
    assert "none: the run is not published" in capsys.readouterr().out


def test_growing_log_is_reported(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    place.sim.follow(script(ledger_delay_s=3600.0))
    place.run()
    assert reconciled(place).charged_calls == 0
    assert "no billed call for 60 completed rows. The log lags behind" in capsys.readouterr().out


def test_from_the_command_line(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    run_key = place.run().run_key
    let_the_log_catch_up(place)
    url = ["--base-url", place.sim.url]
    assert main(["reconcile", place.output, *url]) == 0
    implied = capsys.readouterr().out
    assert "Billed    60 calls for 60 rows" in implied
    assert "in 1 request\n" in implied
    assert main(["reconcile", place.output, *url, "--run-key", run_key, "--since", "1h"]) == 0
    assert "Billed    60 calls for 60 rows" in capsys.readouterr().out


def test_with_the_key_of_an_airflow_connection(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run()
    let_the_log_catch_up(place)
    monkeypatch.delenv("AIMLAPI_KEY")
    connection = {"conn_type": "aimlapi", "host": place.sim.url, "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_AIMLAPI_DEFAULT", json.dumps(connection))
    words = ["reconcile", place.output, "--conn-env", "AIRFLOW_CONN_AIMLAPI_DEFAULT"]
    assert main(words) == 0
    assert "Billed    60 calls for 60 rows" in capsys.readouterr().out
    assert main([*words, "--base-url", place.sim.url]) == 2


def test_a_key_is_never_an_argument_and_never_printed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run()
    wrong = "sk-wrong-key-that-nobody-may-see"
    monkeypatch.setenv("WRONG_KEY", wrong)
    url = ["--base-url", place.sim.url]
    assert main(["reconcile", place.output, *url, "--key-env", "WRONG_KEY"]) == 1
    said = capsys.readouterr()
    assert "401" in said.err
    assert wrong not in said.out + said.err
    for mistake in (["--key", KEY], [f"--key={KEY}"], ["--api-key", KEY], [KEY]):
        with pytest.raises(SystemExit) as ended:
            main(["reconcile", place.output, *url, *mistake])
        assert ended.value.code == 2
    assert main(["reconcile", place.output, *url, "--key-env", KEY]) == 2
    assert main(["reconcile", place.output, "--base-url", f"http://me:{KEY}@127.0.0.1"]) == 2
    said = capsys.readouterr()
    assert KEY not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--key-env", "NOT_SET"], "The environment variable NOT_SET is not set"),
        (["--run-key", "ab" * 16], "There is no run"),
        (["--run-key", "../.."], "There is no run"),
        (["--base-url", "http://api.example.org"], "http would send the API key in the clear"),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(
    place: Workplace, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run()
    asked = len(place.sim.ledger.requests)
    assert main(["reconcile", place.output, *words]) == 2
    assert sentence in capsys.readouterr().err
    assert len(place.sim.ledger.requests) == asked


def test_run_key_is_needed_without_a_visible_run(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """No manifest shows which run is meant."""
    run_key = place.run().run_key
    place.fs.rm_file(f"{place.output}/_SUCCESS")
    assert main(["reconcile", place.output]) == 2
    assert "Name one with --run-key" in capsys.readouterr().err
    assert place.fs.exists(run_folder(place, run_key))


def test_log_is_read_through_the_proxy(
    place: Workplace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    place.run()
    let_the_log_catch_up(place)
    with corporate_network(int(place.sim.url.rpartition(":")[2]), tmp_path) as network:
        extra = {"proxy": network.proxy_url, "ca_file": str(network.ca_file)}
        connection = {"password": KEY, "host": BASE_URL, "extra": extra}
        monkeypatch.setenv("CONNECTION", json.dumps(connection))
        assert main(["reconcile", place.output, "--conn-env", "CONNECTION"]) == 0
        monkeypatch.setenv("HTTPS_PROXY", network.proxy_url)
        monkeypatch.setenv("SSL_CERT_FILE", str(network.ca_file))
        assert main(["reconcile", place.output, "--base-url", BASE_URL]) == 0
        assert network.proxy.tunnels == 2
        network.proxy.is_down, network.proxy.outage_answer = True, CREDENTIALS_WANTED
        assert main(["reconcile", place.output, "--base-url", BASE_URL]) == 1
    monkeypatch.setenv("SSL_CERT_FILE", "/absent.pem")
    assert main(["reconcile", place.output, "--base-url", BASE_URL]) == 2
    said = capsys.readouterr()
    assert said.out.count("Billed    60 calls for 60 rows") == 2
    assert "from HTTPS_PROXY" in said.err
    assert "SSL_CERT_FILE names '/absent.pem'" in said.err
    assert not [secret for secret in (*SECRETS, KEY) if secret in said.out + said.err]


@pytest.mark.parametrize("name", ["plan.json", "manifest.json"])
def test_planted_object_is_named_and_no_traceback(
    place: Workplace, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run_key = place.run().run_key
    place.fs.pipe_file(f"{run_folder(place, run_key)}/{name}", b'{"x":' + b"[" * 3_000)
    assert main(["reconcile", place.output, "--base-url", place.sim.url]) != 0
    assert f"{name} of run {run_key} is nested too deeply" in capsys.readouterr().err


def test_time_that_no_calendar_has_counts_as_now(place: Workplace) -> None:
    run_key = place.run().run_key
    plan = f"{run_folder(place, run_key)}/plan.json"
    os.utime(plan, (2**40, 2**40))
    let_the_log_catch_up(place)
    assert reconciled(place).charged_calls == place.sim.ledger.billed_calls
