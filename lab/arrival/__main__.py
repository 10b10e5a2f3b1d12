"""Prints false alarms and misses of the arrival check in generated runs.

python -m lab.arrival [--runs 10000] [--first 0]

With more packages it counts by real vocabularies, too: see `lab/arrival/tokenizers.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter

from airflow_provider_aimlapi.core.arrival.judgement import Arrival, judge_arrival
from lab.arrival.runs import generate
from lab.arrival.tokenizers import real


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    vocabularies = real()
    due, missed, alarms = Counter[tuple[str, str]](), Counter[tuple[str, str]](), list[int]()
    for seed in range(arguments.first, arguments.first + arguments.runs):
        run = generate(seed, vocabularies)
        if judge_arrival(run.sightings(is_dropped=False)).arrival is Arrival.DROPPED:
            alarms.append(seed)
        if run.is_due:
            is_found = judge_arrival(run.sightings(is_dropped=True)).arrival is Arrival.DROPPED
            rows = [("all", ""), *run.traits.items()]
            due.update(rows)
            missed.update([] if is_found else rows)
    print(f"vocabularies: {', '.join(vocabularies) or 'none, simple ways to count only'}")
    print(f"runs {arguments.runs}, false alarms {len(alarms)} {alarms[:10]}")
    for trait, value in sorted(due):
        part = missed[trait, value] / due[trait, value]
        print(f"{trait:12} {value:28} due {due[trait, value]:6} missed {part:6.1%}")


if __name__ == "__main__":
    main()
