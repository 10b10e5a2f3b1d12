"""The command line: a process that listens, and the parsing of its arguments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from aimlapi_simulator import Cache, Fault, Forms, Gateway, ScriptError
from aimlapi_simulator.arguments import parse_arguments, parse_fault
from tests.simulator.conftest import body_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDER = Path(__file__).parents[2] / "provider"


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a simulator in a process of its own, and yield its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "aimlapi_simulator", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROVIDER)},
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line
            yield process, line.removeprefix("listening on ").strip()
        finally:
            process.kill()


def ask(url: str, prompt: str = "Hello.", key: str = "k") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(
        f"{url}/v1/chat/completions", json=body_of(prompt), headers=headers, trust_env=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_leaves_cleanly(number: signal.Signals) -> None:
    with running("--port", "0") as (process, url):
        assert ask(url).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


def test_its_options_reach_the_script(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text(
        json.dumps(
            {"seed": 1, "limits": {"rps": 7}, "faults": [{"kind": "504", "contains": "slow"}]}
        )
    )
    words = [
        "--port",
        "0",
        "--script",
        str(file),
        "--key",
        "right",
        "--seed",
        "2",
        "--fault",
        "429:1:contains=busy",
    ]
    with running(*words) as (_, url):
        script = httpx.get(f"{url}/_simulator/script", trust_env=False).json()
        assert (script["seed"], script["limits"]["rps"]) == (2, 7)
        assert ask(url, key="wrong").status_code == 401
        statuses = [ask(url, text, "right").status_code for text in ("slow", "busy", "fine")]
        assert statuses == [504, 429, 200]


def test_wrong_arguments_end_with_2_and_say_why() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aimlapi_simulator", "--fault", "earthquake:1"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROVIDER)},
        check=False,
    )
    assert done.returncode == 2
    assert "no fault 'earthquake'; there are: " in done.stderr


def test_a_taken_port_ends_with_1() -> None:
    with running("--port", "0") as (_, url):
        done = subprocess.run(
            [sys.executable, "-m", "aimlapi_simulator", "--port", url.rpartition(":")[2]],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROVIDER)},
            check=False,
        )
    assert done.returncode == 1
    assert "in use" in done.stderr


def test_upstreams_have_an_option_and_no_queue() -> None:
    assert parse_arguments(["--upstreams", "3"]).script.limits.upstreams == 3
    with pytest.raises(ScriptError, match="upstreams"):
        parse_arguments(["--upstreams", "3", "--queue"])
    with pytest.raises(ScriptError, match="upstreams"):
        parse_arguments(["--upstreams", "0"])


def test_every_option_has_its_place() -> None:
    words = (
        "--port 0 --host 0.0.0.0 --latency 0.2 --latency-sigma 0.6 --max-concurrent 3 --queue "
        "--rps 5 --burst 2 --per-minute 100 --tokens-per-minute 9000 --seed 8 --balance 12.5 "
        "--key k --key-limit 25 --key-limit-retention day --envelope legacy --batch-duration 9 "
        "--fault 429:0.5 --fault 500 --strict --documents older --drop system --drop tools "
        "--refuse response_format "
        "--withdraw old=new --cache-marks refused --cache-misses 0.5 --ledger-delay 9 "
        "--vendor-errors plain --finish-reasons openai --cost header --content parts "
        "--text sentence --tool-content null --cached-tokens beside --reasoning-tokens beside --prices measure"
    )
    arguments = parse_arguments(words.split())
    script = arguments.script
    assert (arguments.host, arguments.port, script.seed) == ("0.0.0.0", 0, 8)  # noqa: S104
    assert (script.latency.median_s, script.latency.sigma) == (0.2, 0.6)
    limits = script.limits
    assert (limits.max_concurrent, limits.is_queueing) == (3, True)
    assert (limits.rps, limits.burst) == (5, 2)
    assert (limits.per_minute, limits.tokens_per_minute) == (100, 9000)
    account = script.account
    assert (account.balance_usd, account.key) == (12.5, "k")
    assert (account.key_limit_usd, account.key_limit_retention) == (25, "day")
    assert script.batches.duration_s == script.ledger_delay_s == 9
    assert script.gateway == Gateway(
        documents="older",
        is_strict=True,
        drops=("system", "tools"),
        refuses=("response_format",),
        withdrawn={"old": "new"},
    )
    assert script.cache == Cache(marks="refused", miss_share=0.5)
    assert script.forms == Forms(
        envelope="legacy",
        finish_reasons="openai",
        cost="header",
        vendor_errors="plain",
        text="sentence",
        content="parts",
        tool_content="null",
        cached_tokens="beside",
        reasoning_tokens="beside",
        prices="measure",
    )
    assert script.faults == (Fault(kind="429", share=0.5), Fault(kind="500"))


def test_a_fault_in_words() -> None:
    fault = parse_fault("disconnect-billed:0.25:contains=Dear:times=2:per_prompt=true:delay_s=0.5")
    assert fault == Fault(
        kind="disconnect-billed",
        share=0.25,
        contains="Dear",
        times=2,
        per_prompt=True,
        delay_s=0.5,
    )


@pytest.mark.parametrize(
    "text",
    [
        "earthquake",
        "429:2",
        "429:often",
        "429:1:colour=red",
        "429:1:times=few",
        "429:1:drip_bytes=0",
    ],
)
def test_a_wrong_fault_is_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        parse_fault(text)


def test_a_script_file_that_is_no_script_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    for text in ("no json", '{"seeed": 1}', "[]"):
        file.write_text(text)
        with pytest.raises(ScriptError):
            parse_arguments(["--script", str(file)])
