"""`airflow-aimlapi check`: announces its cost, asks, and prints what a live key shows of the API."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.check import settle_facts
from airflow_provider_aimlapi.checks.quotation import fetch_quotation
from airflow_provider_aimlapi.checks.table import announcement_lines, as_json, report_lines
from airflow_provider_aimlapi.checks.timer import Timer, system_timer
from airflow_provider_aimlapi.commands.terminal import print_line
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.checks.check import CheckReport
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckArguments:
    """The typed arguments.

    Attributes:
        endpoint: the API's address and the key.
        out: the file for the facts as JSON; None for no file.
        is_confirmed: whether to spend without a question.
        timer: the clock for the search in the API's log.
    """

    endpoint: Endpoint
    out: str | None
    is_confirmed: bool
    timer: Timer = field(default_factory=system_timer)


def run_check(arguments: CheckArguments) -> CheckReport | None:
    """Announce what a check costs, ask, make its calls, and print its table.

    Returns:
        The report; None if the user declined.

    Raises:
        InvalidSpec: there is no terminal for the question, or the file cannot be written.
        ApiError: the API refuses the key, or cannot be reached.
    """
    quotation = asyncio.run(fetch_quotation(arguments.endpoint))
    for line in announcement_lines(quotation):
        print_line(line)
    if not arguments.is_confirmed and not _is_wanted():
        print_line("Nothing was sent.")
        return None
    # The file is opened before money is spent: a path that cannot be written must not cost a check.
    out = None if arguments.out is None else _open_for_writing(arguments.out)
    report = asyncio.run(settle_facts(arguments.endpoint, quotation, timer=arguments.timer))
    for line in report_lines(report):
        print_line(line)
    if out is not None:
        out.write_bytes(as_json(report))
        print_line(f"The facts are in {out}.")
    return report


def _open_for_writing(name: str) -> Path:
    """Return the file, created if it does not exist.

    Raises:
        InvalidSpec: it cannot be written.
    """
    path = Path(name)
    try:
        path.open("ab").close()
    except OSError as error:
        raise InvalidSpec(
            f"--out {name}: {error.strerror}. Name a file that can be written."
        ) from None
    return path


def _is_wanted() -> bool:
    if not sys.stdin.isatty():
        raise InvalidSpec("There is no terminal for the question. Add --yes to spend this.")
    try:
        typed = input("Make these calls? [y/N] ")
    except EOFError:
        return False
    return typed.strip().lower() in ("y", "yes")
