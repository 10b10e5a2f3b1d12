"""The arrival check in generated runs, counted by tokenizers that it does not know."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from airflow_provider_aimlapi.core.arrival.judgement import Arrival, Sighting, judge_arrival
from airflow_provider_aimlapi.core.arrival.text_counts import count_text
from lab.arrival.runs import generate
from lab.arrival.texts import LANGUAGES, cut
from lab.arrival.tokenizers import real

SEEDS_QUICK = range(100)
SEEDS = range(10_000)
FAR_APART = [
    "Greek",
    "Georgian",
    "Arabic",
    "Hebrew",
    "Amharic",
    "Hindi",
    "Bengali",
    "Tamil",
    "Thai",
    "Burmese",
    "Korean",
]


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


def test_two_scripts_of_unlike_rates_raise_no_false_alarm() -> None:
    """Vocabularies have hardly a token for some scripts, and whole words of others."""
    alarms = []
    for system_language, language in permutations(FAR_APART, 2):
        random = Random(system_language + language)  # noqa: S311  # seeded, so that it replays
        system = cut(random, LANGUAGES[system_language], 500)
        sightings = []
        for _ in range(16):
            prompt = cut(random, LANGUAGES[language], int(300 * 10 ** random.uniform(-0.7, 0.7)))
            tokens = round(1.9 * len(prompt) + 0.35 * len(system))
            sightings.append(Sighting(count_text(prompt), count_text(system), tokens))
        if judge_arrival(sightings).arrival is Arrival.DROPPED:
            alarms.append((system_language, language))
    assert alarms == []
