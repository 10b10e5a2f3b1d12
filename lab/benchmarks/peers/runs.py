"""One run of one peer: a process of its own, a hard time-out, and its measurements."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.benchmarks.peers import ceiling
from lab.benchmarks.peers.environments import python_of
from lab.benchmarks.peers.simulated import ROOT

if TYPE_CHECKING:
    from lab.benchmarks.peers.roster import Peer
    from lab.benchmarks.peers.scenarios import Scenario
    from lab.benchmarks.peers.simulated import Api, Seen

LAST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run came to; written to disk as it is.

    Attributes:
        failure: why there is no result; "" if there is one. What the simulator saw is known anyway.
        done: rows with an answer in the output; of a run that failed, none.
        calling_s: from the first call to the process's last word.
        cpu_s: without the peer's imports, which are `cpu_before_s`.
        load: the machine's load average over a minute, when the run began.
    """

    peer: str
    scenario: str
    rows: int
    failure: str = ""
    done: int = 0
    answered: int = 0
    throttled: int = 0
    in_flight_peak: int = 0
    wall_s: float = 0.0
    calling_s: float = 0.0
    cpu_s: float = 0.0
    cpu_before_s: float = 0.0
    peak_mb: float = 0.0
    load: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)


def run(
    peer: Peer, scenario: Scenario, api: Api, *, texts: Path, rows: int, timeout_s: float
) -> Measured:
    """Measure one peer in one scenario. A peer's failure is no exception here."""
    load = os.getloadavg()[0]
    api.prepare(scenario)
    began_at_s = time.time()  # noqa: TID251  # compared with the simulator's
    with tempfile.TemporaryDirectory(prefix="aimlapi-peer-", ignore_cleanup_errors=True) as name:
        if peer.script:
            command = _command(peer, scenario, api, texts, Path(name) / "out.parquet", rows)
            line, failure = start(command, Path(name), timeout_s)
        else:
            line, failure = ceiling.measure(api.url, texts / "bodies.jsonl", scenario.in_flight)
    seen = api.seen()
    return _measured(peer, scenario, rows, line, failure, seen, began_at_s, load)


def _command(
    peer: Peer, scenario: Scenario, api: Api, texts: Path, target: Path, rows: int
) -> list[str]:
    python = python_of(peer.environment) if peer.environment else Path(sys.executable)
    module = f"lab.benchmarks.peers.scripts.{peer.script}"
    source = texts / str(rows) / "texts.parquet"
    words = [api.url, str(source), str(target), str(rows), str(scenario.in_flight), peer.variant]
    return [str(python), "-m", module, *words]


def start(command: list[str], folder: Path, timeout_s: float) -> tuple[dict[str, Any], str]:
    """Return the script's line, or the reason why it is missing.

    A home of its own: a peer's cache must not answer in place of the API, nor lie about afterwards.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "NEMO_TELEMETRY_ENABLED": "false",
        "TELEMETRY_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with (folder / "stdout").open("w+") as out, (folder / "stderr").open("w+") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=err, start_new_session=True
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return {}, f"not done after {timeout_s:g} s"
        out.seek(0)
        err.seek(0)
        return _read_line(code, out.read(), err.read())


def _read_line(code: int, out: str, err: str) -> tuple[dict[str, Any], str]:
    last = (out.strip().splitlines() or [""])[-1]
    if code or not last.startswith("{"):
        return {}, f"exit status {code}: {_last_words(err)}"
    line: dict[str, Any] = json.loads(last)
    return line, ""


def _last_words(err: str) -> str:
    """Return the last line with words, because a group of exceptions ends in a frame of dashes."""
    said = [line.strip(" |+-") for line in err.splitlines()]
    last = next((line for line in reversed(said) if re.match(r"[\w.]+(Error|Exception)", line)), "")
    last = last or next((line for line in reversed(said) if line), "no word on stderr")
    return last[:LAST_WORDS]


def _measured(  # noqa: PLR0913, PLR0917  # it puts together what comes from everywhere
    peer: Peer,
    scenario: Scenario,
    rows: int,
    line: dict[str, Any],
    failure: str,
    seen: Seen,
    began_at_s: float,
    load: float,
) -> Measured:
    wall_s = line.get("wall_s", 0.0)
    start_s = seen.first_call_at_s - began_at_s if seen.first_call_at_s else 0.0
    return Measured(
        peer=peer.name,
        scenario=scenario.key,
        rows=line.get("rows_asked", rows),
        failure=failure,
        done=line.get("rows_done", 0),
        answered=seen.answered,
        throttled=seen.throttled,
        in_flight_peak=seen.in_flight_peak,
        wall_s=wall_s,
        calling_s=line.get("calling_s", max(0.0, wall_s - start_s)),
        cpu_s=line.get("cpu_s", 0.0) - line.get("cpu_before_s", 0.0),
        cpu_before_s=line.get("cpu_before_s", 0.0),
        peak_mb=line.get("peak_mb", 0.0),
        load=load,
        versions=line.get("versions", {}),
    )
