"""What the command line prints: each line is one line, whatever names and errors it repeats."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import NoReturn

from airflow_provider_aimlapi.printable import printable


def say(line: str) -> None:
    """Print a line at once, so that it comes before what takes long."""
    print(printable(line), flush=True)


def complain(line: str) -> None:
    """Print a line to standard error."""
    print(printable(line), file=sys.stderr)


class PrintableParser(ArgumentParser):
    """A parser whose errors repeat what was typed as one line; so do those of its commands."""

    def error(self, message: str) -> NoReturn:
        """Print usage and error, and exit."""
        super().error(printable(message))
