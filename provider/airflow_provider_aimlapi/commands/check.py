"""`airflow-aimlapi check`: says what it may spend, asks, and prints what a live key shows of the API."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.check import settle
from airflow_provider_aimlapi.checks.quotation import fetch_quotation
from airflow_provider_aimlapi.checks.table import announcement, as_json, lines
from airflow_provider_aimlapi.checks.timer import Timer, system_timer
from airflow_provider_aimlapi.commands.terminal import say
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.checks.check import CheckReport
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckArguments:
    """What was typed.

    Attributes:
        endpoint: the API and the key.
        out: the file that gets the facts as JSON; None for none.
        is_confirmed: do not ask before spending.
        timer: the time that the search in the log goes by.
    """

    endpoint: Endpoint
    out: str | None
    is_confirmed: bool
    timer: Timer = field(default_factory=system_timer)


def check(arguments: CheckArguments) -> CheckReport | None:
    """Say what a check costs, ask, make it, and print its table. None: it was not wanted.

    Raises:
        InvalidSpec: there is no terminal to ask at, or the file cannot be written.
        ApiError: the API refuses the key, or cannot be reached.
    """
    quotation = asyncio.run(fetch_quotation(arguments.endpoint))
    for line in announcement(quotation):
        say(line)
    if not arguments.is_confirmed and not _is_wanted():
        say("Nothing was sent.")
        return None
    out = None if arguments.out is None else _writable(arguments.out)
    report = asyncio.run(settle(arguments.endpoint, quotation, timer=arguments.timer))
    for line in lines(report):
        say(line)
    if out is not None:
        out.write_bytes(as_json(report))
        say(f"The facts are in {out}.")
    return report


def _writable(name: str) -> Path:
    """Return the file, created if it is not there: later it would be too late to learn that it cannot be."""
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
        raise InvalidSpec("There is no terminal to ask at. Add --yes to spend this.")
    try:
        typed = input("Make these calls? [y/N] ")
    except EOFError:
        return False
    return typed.strip().lower() in ("y", "yes")
