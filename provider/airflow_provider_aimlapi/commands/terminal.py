"""Prints the lines of the command line. Each stays one line, whatever names and errors it quotes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import NoReturn

from airflow_provider_aimlapi.printable import printable_text


def print_line(line: str) -> None:
    """Print a line at once, so that it appears before a step that takes long."""
    print(printable_text(line), flush=True)


def print_error(line: str) -> None:
    """Print a line to standard error."""
    print(printable_text(line), file=sys.stderr)


class PrintableParser(ArgumentParser):
    """A parser whose errors quote the typed words in one line. So do the parsers of its commands."""

    def error(self, message: str) -> NoReturn:
        """Print usage and error, and exit."""
        super().error(printable_text(message))
