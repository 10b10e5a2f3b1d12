"""What `make celery` counts with: overlaps, data, the bill. Its services are looked at in test_compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.celery.checks import bill_violations
from lab.celery.compose import one_off
from lab.celery.dag_run import Span, peak
from lab.celery.scenarios import SCENARIOS, Scenario
from lab.celery.shipped import DAY, ROWS

SUMMARY = {"cost_usd": 0.75}
CHARGES_USD = {"one": 0.25, "two": 0.5, "lost": 0.125}


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([(0, 2), (2, 4)], 1),
        ([(0, 3), (1, 2), (2, 4)], 2),
        ([(0, 9), (1, 8), (2, 7), (9, 10)], 3),
    ],
)
def test_overlapping_shares_are_counted_by_start_and_end(
    spans: list[tuple[float, float]], most: int
) -> None:
    assert peak([Span(start_s=start, end_s=end) for start, end in spans]) == most


def test_a_bill_is_what_the_published_answers_were_charged() -> None:
    assert list(bill_violations(SUMMARY, CHARGES_USD, ["one", "two"])) == []


@pytest.mark.parametrize(
    ("summary", "ids", "words"),
    [
        (SUMMARY, ["one", "two", "lost"], "a cost of 0.75 USD, and its answers were charged 0.875"),
        ({}, ["one"], "a cost of None"),
        (SUMMARY, ["one", "two", "made-up"], "1 published answers were never charged"),
    ],
)
def test_a_bill_that_is_another_is_told(
    summary: dict[str, float], ids: list[str], words: str
) -> None:
    (told,) = bill_violations(summary, CHARGES_USD, ids)
    assert words in told


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario_has_files_for_its_shares_undivided(scenario: Scenario) -> None:
    sizes = scenario.data.file_rows
    assert sum(sizes) == scenario.rows
    assert 0 < min(sizes) <= max(sizes) <= 256, "one file is one part, which the checks count with"
    assert len(sizes) >= 4 * scenario.workers, "the shares are of about the same size"
    assert scenario.slots <= 4


def test_lake_is_filled_with_the_rows_that_are_counted(
    pytestconfig: pytest.Config,
) -> None:
    program, script, sample, bucket = one_off("fill-lake")
    assert (program, bucket) == ("python", "lake")
    assert Path(script).samefile(pytestconfig.rootpath / "docker" / "fill_lake.py")
    told = (Path(sample) / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in told.splitlines() if f"ds={DAY}" in line]
    assert line.endswith(f"| {ROWS} |")
