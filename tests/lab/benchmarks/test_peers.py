"""The comparison with other clients: its runs, its counts, and its page."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab.benchmarks.peers import page
from lab.benchmarks.peers.record import Machine, Record, load_record, save_record
from lab.benchmarks.peers.roster import BY_HAND, OURS, PEERS
from lab.benchmarks.peers.runs import Measured, start
from lab.benchmarks.peers.scenarios import SCENARIOS

ROWS = 200
FREE, LIMITED = "free-256", "slots-32"


@pytest.fixture(scope="module")
def measured(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Two peers that need no environment of their own, in two scenarios."""
    results = tmp_path_factory.mktemp("peers") / "results.json"
    command = [sys.executable, "-m", "lab.benchmarks.peers", "--no-page", "--rounds", "1"]
    command += ["--only", OURS, "--only", BY_HAND, "--scenario", FREE, "--scenario", LIMITED]
    command += ["--rows", str(ROWS), "--limited-rows", str(ROWS), "--results", str(results)]
    subprocess.run(command, cwd=pytestconfig.rootpath, check=True, timeout=240)
    return load_record(results)


def result(record: Record, peer: str, scenario: str) -> Measured:
    (found,) = (r for r in record.results if (r.peer, r.scenario) == (peer, scenario))
    return found


@pytest.mark.parametrize("peer", [OURS, BY_HAND])
def test_every_row_is_answered_where_nothing_is_refused(measured: Record, peer: str) -> None:
    found = result(measured, peer, FREE)
    assert (found.failure, found.done, found.answered, found.throttled) == ("", ROWS, ROWS, 0)
    assert 0 < found.calling_s < found.wall_s
    assert found.cpu_s > 0
    assert found.cpu_before_s > 0
    assert found.peak_mb > 0
    assert found.versions


def test_under_a_limit_the_provider_loses_no_row(measured: Record) -> None:
    found = result(measured, OURS, LIMITED)
    assert (found.failure, found.done, found.answered) == ("", ROWS, ROWS)


def test_peer_that_stops_early_is_listed_with_its_reason(measured: Record) -> None:
    found = result(measured, BY_HAND, LIMITED)
    assert found.done == 0
    assert "429" in found.failure
    assert found.throttled > 0
    told = next(line for line in page.text(measured).splitlines() if f"{BY_HAND}: exit" in line)
    assert "429" in told
    assert "http" not in told.replace("aiohttp", "")  # the address was this run's


def test_a_run_that_hangs_is_killed_and_told(tmp_path: Path) -> None:
    hanging = [sys.executable, "-c", "import signal; signal.pause()"]
    assert start(hanging, tmp_path, timeout_s=0.5) == ({}, "not done after 0.5 s")


def test_ideals_are_those_of_the_limits() -> None:
    ideals_s = {scenario.key: scenario.ideal_s(1_000) for scenario in SCENARIOS}
    assert ideals_s == pytest.approx(
        {"free-256": 0.8, "free-1000": 0.2, "slots-32": 6.4, "rate-200": 4.2}
    )


def record_of(*results: Measured) -> Record:
    place = Machine(date="2026-01-02 03:04 UTC", processor="x", cores=2, python="3", system="y")
    return Record(machine=place, minutes=1, timeout_s=60, results=list(results))


OURS_RUN = Measured(
    peer=OURS, scenario=FREE, rows=1_000, done=1_000, wall_s=4, calling_s=2, cpu_s=0.4, peak_mb=150
)


def test_the_page_says_where_a_peer_is_better() -> None:
    better = replace(OURS_RUN, peer=BY_HAND, cpu_s=0.2)
    told = page.text(record_of(OURS_RUN, better))
    assert f"CPU a row in ms: {BY_HAND} 0.200; {OURS} 0.400." in told


@pytest.mark.parametrize(
    "other",
    [
        replace(OURS_RUN, peer=BY_HAND, cpu_s=0.2, done=999),  # it lost a row
        replace(OURS_RUN, peer=BY_HAND, cpu_s=0.399),  # noise
        replace(OURS_RUN, peer=BY_HAND, cpu_s=0.5),
    ],
)
def test_peer_that_is_not_better_is_not_called_so(other: Measured) -> None:
    assert "In nothing that was measured here" in page.text(record_of(OURS_RUN, other))


def test_the_page_gives_median_and_spread() -> None:
    runs = [replace(OURS_RUN, cpu_s=cpu_s) for cpu_s in (0.5, 0.3, 0.4)]
    assert "| 0.400 (0.300–0.500) |" in page.text(record_of(*runs))


def test_results_are_read_back_as_they_were(tmp_path: Path) -> None:
    record = record_of(OURS_RUN)
    save_record(record, tmp_path / "results.json")
    assert load_record(tmp_path / "results.json") == record


def test_each_peer_has_a_script_lock_file_and_name() -> None:
    folder = Path(page.__file__).parent
    for peer in PEERS:
        assert not peer.script or (folder / "scripts" / f"{peer.script}.py").is_file()
        assert (folder / "environments" / peer.environment / "uv.lock").is_file() or (
            not peer.environment
        )
    assert len({peer.name for peer in PEERS}) == len(PEERS)
