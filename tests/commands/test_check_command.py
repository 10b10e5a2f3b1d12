"""`airflow-aimlapi check`: its announcement, its table, and its exit status."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import Account, Script, simulator_thread
from airflow_provider_aimlapi.checks.facts import TITLES
from airflow_provider_aimlapi.checks.plan import CALLS_MAX
from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.core.texts.wording import format_usd
from tests.checks.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aimlapi_simulator import Simulator


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator whose log is never late, so that nothing waits."""
    monkeypatch.setenv("AIMLAPI_KEY", KEY)
    with simulator_thread(Script(ledger_delay_s=0)) as simulator:
        yield simulator


def check(sim: Simulator, *words: str) -> int:
    return main(["check", "--base-url", sim.url, *words])


def test_the_table_has_a_line_for_each_fact(
    sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(sim, "--yes") == 0
    said = capsys.readouterr().out
    for title in TITLES.values():
        assert sum(line.startswith(f"{title} ") for line in said.splitlines()) == 1
    cost = format_usd(sim.ledger.total_credits * 500)
    assert f"Cost: {cost} for {CALLS_MAX} calls." in said
    assert said.index("at most 12 calls") < said.index(TITLES["system-dated"])
    assert KEY not in said


def test_the_file_has_the_facts_and_no_key(
    sim: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "facts.json"
    assert check(sim, "--yes", "--out", str(out)) == 0
    written = json.loads(out.read_bytes())
    assert [fact["name"] for fact in written["facts"]] == list(TITLES)
    open_facts = [fact["name"] for fact in written["facts"] if not fact["is_settled"]]
    assert open_facts == ["reasoning-tokens"]
    assert written["cost_usd"] == sim.ledger.total_usd
    assert KEY not in out.read_text()
    assert "balance" not in out.read_text()
    assert str(out) in capsys.readouterr().out


def test_without_a_terminal_it_refuses(
    sim: Simulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert check(sim) == 2
    assert "Add --yes" in capsys.readouterr().err
    assert sim.ledger.statuses.get(400) is None
    assert sim.ledger.total_credits == 0


@pytest.mark.parametrize("typed", ["", "\n", "n\n", "no\n", "maybe\n"])
def test_a_no_spends_nothing(
    sim: Simulator,
    typed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert check(sim, "--out", str(tmp_path / "facts.json")) == 0
    assert "Nothing was sent." in capsys.readouterr().out
    assert sim.ledger.total_credits == 0
    assert list(tmp_path.iterdir()) == []


def test_a_yes_at_the_terminal_is_enough(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Y\n"))
    assert check(sim) == 0
    assert sim.ledger.billed_calls == 10
    assert "Cost:" in capsys.readouterr().out


def test_a_wrong_key_ends_with_1(sim: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    sim.follow(Script(account=Account(key="another")))
    assert check(sim, "--yes") == 1
    said = capsys.readouterr()
    assert "HTTP 401" in said.err
    assert "https://aimlapi.com/app/keys" in said.err
    assert TITLES["system-dated"] not in said.out


def test_no_credit_ends_with_0(sim: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    sim.follow(Script(account=Account(balance_usd=0)))
    assert check(sim, "--yes") == 0
    said = capsys.readouterr().out
    assert "HTTP 403" in said
    assert "Cost: 0.000000 USD for 12 calls." in said


def test_a_missing_key_ends_with_2(
    sim: Simulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIMLAPI_KEY")
    assert check(sim, "--yes") == 2
    assert "AIMLAPI_KEY" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_spends_nothing(
    sim: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(sim, "--yes", "--out", str(tmp_path / "missing" / "facts.json")) == 2
    assert "--out" in capsys.readouterr().err
    assert sim.ledger.total_credits == 0


def test_an_api_that_is_away_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_KEY", KEY)
    with simulator_thread(Script()) as simulator:
        url = simulator.url
    assert main(["check", "--base-url", url, "--yes"]) == 1
    said = capsys.readouterr()
    assert url in said.err
    assert said.out == ""
