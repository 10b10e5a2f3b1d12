"""`make matrix`: the unit tests, every import and one DAG on each Airflow and Python, as a table.

    python -m lab.matrix [3.0-3.11 ...]

It ends with 1 if a chosen cell fails. A cell's output is stored beside its environment.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.matrix.cells import CELLS
from lab.matrix.environments import MADE, ROOT, NotInstalled, build_wheel, install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.matrix.cells import Cell

HERE = Path(__file__).parent
STEP_TIMEOUT_S = 1200
UNIT_TESTS = (
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-o",
    "pythonpath=.",  # without `provider`: the wheel is what is tested
    "--hypothesis-profile=ci",  # which times nothing: other work runs beside this
    "tests/unit",
)
PAGE_STATUSES = {"files/icon.svg": 200, "page": 401, "progress": 401, "report": 401}


class CellFailed(Exception):
    """One of a cell's steps did not end as it should have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a cell.

    Attributes:
        tests: pytest's last line. shell, dag: what the two probes told. failure: of the first
            step that failed, in words; the rest is then empty.
    """

    tests: str = ""
    shell: dict[str, Any]
    dag: dict[str, Any]
    failure: str = ""


def main(arguments: Sequence[str]) -> int:
    """Run the cells one after another; return the exit status."""
    parser = argparse.ArgumentParser(prog="make matrix ONLY=")
    names = [cell.name for cell in CELLS]
    parser.add_argument("cells", nargs="*", metavar="CELL", help=str(names))
    wanted = parser.parse_args(arguments).cells or names
    if unknown := set(wanted) - set(names):
        parser.error(f"no such cell: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    wheel = build_wheel()
    found: dict[Cell, Found] = {}
    for cell in CELLS:
        if cell.name in wanted:
            found[cell] = _tried(cell, wheel)
            print(_line(cell, found[cell]), flush=True)
    print("\n" + _table(found))
    return int(any(each.failure for each in found.values()))


def _tried(cell: Cell, wheel: Path) -> Found:
    try:
        python = install(cell, wheel)
        tests = _run(cell, "tests", [python, *UNIT_TESTS], ROOT).rstrip().splitlines()[-1]
        shell = _shell(cell, python)
        return Found(tests=tests, shell=shell, dag=_probe(cell, python, "dag_probe"))
    except (CellFailed, NotInstalled, subprocess.TimeoutExpired) as error:
        return Found(shell={}, dag={}, failure=str(error))


def _shell(cell: Cell, python: Path) -> dict[str, Any]:
    told = _probe(cell, python, "shell_probe")
    if told["page_statuses"] != PAGE_STATUSES:
        raise CellFailed(f"the run page answers otherwise: {told['page_statuses']}")
    return told


def _probe(cell: Cell, python: Path, name: str) -> dict[str, Any]:
    """Return a probe's report. It runs in an empty folder, so that it can only import the wheel."""
    with tempfile.TemporaryDirectory(prefix="matrix-") as home:
        for probe in HERE.glob("*_probe.py"):
            shutil.copy(probe, home)
        script = Path(home, f"{name}.py")
        printed = _run(cell, name, [python, script], Path(home))
    told: dict[str, Any] = json.loads(printed.rstrip().splitlines()[-1])
    return told


def _run(cell: Cell, step: str, command: Sequence[str | Path], folder: Path) -> str:
    log = MADE / f"{cell.name}.{step}.log"
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_variables(folder),
            check=False,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            timeout=STEP_TIMEOUT_S,
        )
        output.write(done.stdout)
    if done.returncode:
        raise CellFailed(f"{step} ended with {done.returncode}: see {log.relative_to(ROOT)}")
    return done.stdout


def _variables(home: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match("AIRFLOW|AIMLAPI|AWS_|PYTHON|VIRTUAL_ENV|MAKE|MFLAGS", name)
    }
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "of 64 bytes at least, as those who sign are told today ...",
        "AIMLAPI_MATRIX_FOLDER": str(home / "lake"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _line(cell: Cell, found: Found) -> str:
    return f"{cell.release.airflow} on Python {cell.python}: {found.failure or found.tests}"


def _table(found: dict[Cell, Found]) -> str:
    """Return the table for `provider/docs/versions.md`."""
    head = "| Airflow | Python | unit tests | modules | one DAG | form | tab | policy | state store | approval |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for cell, each in found.items():
        place = f"| {cell.release.airflow} | {cell.python} | "
        if each.failure:
            rows.append(f"{place}FAILED | | | | | | | |")
            continue
        shell, dag = each.shell, each.dag
        facts = [
            each.tests.split(" in ")[0],
            f"{shell['modules']}",
            f"{dag['paid_calls']} calls",
            f"{len(shell['form_labels'])} labels, {len(shell['form_fields'])} fields",
            *map(_yes, (shell["has_task_tab"], shell["has_retry_policy"])),
            *map(_yes, (dag["state_store"], shell["has_approval"])),
        ]
        rows.append(place + " | ".join(facts) + " |")
    return "\n".join(rows)


def _yes(value: object) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
