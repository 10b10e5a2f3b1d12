"""The arrival check in generated runs, counted by tokenizers that it does not know."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.arrival import Arrival, judge_arrival
from tests.arrival.runs import generate
from tests.arrival.tokenizers import real

SEEDS_QUICK = range(100)
SEEDS = range(10_000)


def false_alarms(seeds: range) -> list[int]:
    vocabularies = real()
    return [
        seed
        for seed in seeds
        if judge_arrival(generate(seed, vocabularies).sightings(is_dropped=False)).arrival
        is Arrival.DROPPED
    ]


def test_generated_runs_raise_no_false_alarm() -> None:
    assert false_alarms(SEEDS_QUICK) == []


@pytest.mark.attack
@pytest.mark.timeout(3600)
def test_ten_thousand_runs_raise_no_false_alarm() -> None:
    assert false_alarms(SEEDS) == []


def test_lost_english_instructions_are_noticed() -> None:
    """In English, with prompts of varied length and sometimes a long template; 5% in 200 runs."""
    missed = due = 0
    for seed in range(500):
        if due == 100:
            break
        run = generate(seed, {}, usual=True)
        if run.is_due:
            due += 1
            missed += judge_arrival(run.sightings(is_dropped=True)).arrival is not Arrival.DROPPED
    assert due == 100
    assert missed <= 10
