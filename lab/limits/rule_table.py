"""Prints the rules of the law as the table in `provider/docs/limits.md`.

python -m lab.limits.rule_table
"""

from __future__ import annotations

from airflow_provider_aimlapi.core.pacing.rules import CLOSE, RULES


def rule_table() -> list[str]:
    """Return the lines of the table."""
    rows = [
        f"| {number} | {rule.when} | {rule.then} | `{rule.name}` |"
        for number, rule in enumerate((CLOSE, *RULES), 1)
    ]
    return ["| | what was refused | what follows | name |", "|---|---|---|---|", *rows]


if __name__ == "__main__":
    print("\n".join(rule_table()))
