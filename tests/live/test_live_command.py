"""`make live` against the simulator, by the variables that point it at the real API."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Fault, Gateway, Script, simulator_thread
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_CREDIT
from airflow_provider_aimlapi.core.texts.wording import format_usd
from tests.live.__main__ import main
from tests.live.calls import CALLS, DOTTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimlapi_simulator import Simulator

KEY = "sim-key-1234567890"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with simulator_thread() as simulator:
        yield simulator


def live(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.live", *words],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_contract_holds_against_the_simulator(sim: Simulator) -> None:
    ended = live("--yes", AIMLAPI_KEY=KEY, AIMLAPI_BASE_URL=sim.url)
    assert ended.returncode == 0, ended.stdout
    assert f"It makes {len(CALLS)} calls, for at most 0." in ended.stdout
    assert sim.ledger.billed_calls == len(CALLS)
    cost = format_usd(sim.ledger.total_credits * NANO_USD_PER_CREDIT)
    assert f"Cost: {cost} for {len(CALLS)} calls." in ended.stdout
    assert KEY not in ended.stdout + ended.stderr


def test_a_broken_contract_ends_with_1(sim: Simulator) -> None:
    sim.follow(Script(faults=(Fault(kind="no-choices"),)))
    ended = live("--yes", AIMLAPI_KEY=KEY, AIMLAPI_BASE_URL=sim.url)
    assert ended.returncode == 1
    assert f"{len(CALLS)} failed" in ended.stdout
    assert KEY not in ended.stdout + ended.stderr


def test_without_a_key_it_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["live", "--yes"])
    assert main() == 2
    assert "set AIMLAPI_KEY" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_spent(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.follow(Script(gateway=Gateway(withdrawn={DOTTED: "anthropic/claude-sonnet-5"})))
    monkeypatch.setattr("sys.argv", ["live"])
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    monkeypatch.setenv("AIMLAPI_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_BASE_URL", sim.url)
    assert main() == 2
    said = capsys.readouterr()
    assert "YES=1" in said.err
    assert f"{DOTTED} is left out" in said.out
    assert sim.ledger.total_credits == 0


def test_the_gate_leaves_it_out(pytestconfig: pytest.Config) -> None:
    marks = pytestconfig.getini("addopts")[-1]
    assert "not live" in marks
    assert "live" not in (pytestconfig.rootpath / ".ci/run").read_text(encoding="utf-8")
