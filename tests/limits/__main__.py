"""Prints how laws do under limits that they do not know.

make limits
python -m tests.limits [--law ours] [--only "in flight"] [--seeds 3]
"""

from __future__ import annotations

import argparse

from tests.limits.laws import LAWS
from tests.limits.scenarios import SCENARIOS
from tests.limits.trial import try_law


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", choices=[*LAWS, "all"], default="all")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    laws = list(LAWS) if options.law == "all" else [options.law]
    print(f"{'':44}{'law':>10}{'lost':>6}{'wall':>8}{'of ideal':>11}{'429s':>8}{'found':>10}")
    for scenario in SCENARIOS:
        if options.only in scenario.name:
            for law in laws:
                for seed in range(1, options.seeds + 1):
                    print(try_law(scenario, law, seed).line(), flush=True)


if __name__ == "__main__":
    main()
