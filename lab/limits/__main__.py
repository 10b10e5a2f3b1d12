"""Prints how laws do under limits that they do not know.

make limits
python -m lab.limits [--law ours] [--only "in flight"] [--seeds 3]
python -m lab.limits --only "off and on" --leaving
python -m lab.limits --shared [--seeds 3]
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lab.limits.laws import LAWS
from lab.limits.limits import Bucket, Slots
from lab.limits.refusals import Refusals
from lab.limits.scenarios import BRISK, QUICK, SCENARIOS
from lab.limits.sharing import join, share
from lab.limits.trial import try_law

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.limits.limits import Limit

NOISE = (Refusals(share=0.05),)
SHARED_LIMITS: dict[str, Callable[[], list[Limit]]] = {
    "64 in flight": lambda: [Slots(64)],
    "200 a second, burst 200": lambda: [Bucket(200, 200)],
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", choices=[*LAWS, "all"], default="all")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--shared", action="store_true", help="workers at one limit, only")
    parser.add_argument(
        "--leaving", action="store_true", help="the ideal leaves another client what it asks for"
    )
    options = parser.parse_args()
    if options.shared:
        print_shared(options.seeds)
        print_joined(options.seeds)
        return
    laws = list(LAWS) if options.law == "all" else [options.law]
    print(
        f"{'':44}{'law':>10}{'lost':>6}{'wall':>8}{'of ideal':>11}{'429s':>8}{'beyond':>8}{'found':>10}{'tail':>7}"
    )
    for scenario in SCENARIOS:
        if options.only in scenario.name:
            for law in laws:
                for seed in range(1, options.seeds + 1):
                    result = try_law(scenario, law, seed, leaves=options.leaving)
                    print(result.line(), flush=True)


def print_shared(seeds: int) -> None:
    """How workers share a limit without talking to each other."""
    print(f"{'limit':40}{'workers':>8}{'fairness':>10}{'of ideal':>10}{'429s':>8}")
    for refusals in ((), NOISE):
        for name, limits in SHARED_LIMITS.items():
            for workers in (2, 8):
                for seed in range(1, seeds + 1):
                    one = share(limits, workers=workers, seed=seed, refusals=refusals)
                    title = f"{name}{', 5% refused' if refusals else ''}"
                    print(
                        f"{title:40}{workers:>8}{one.fairness:>10.3f}{one.total:>10.3f}"
                        f"{one.throttled:>8.2%}",
                        flush=True,
                    )


def print_joined(seeds: int) -> None:
    """How a second run meets a limit that the first one uses, and both together end."""
    print(f"\n{'a second run joins':48}{'wall':>10}{'its time':>10}{'429s':>8}")
    for name, limits in SHARED_LIMITS.items():
        for answers in (QUICK, BRISK):
            for seed in range(1, seeds + 1):
                one = join(limits, answers=answers, seed=seed)
                print(
                    f"{name + f', {answers.median_s:g} s':48}{one.wall:>10.3f}{one.second:>8.1f} s"
                    f"{one.throttled:>8.2%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
