"""`airflow-aimlapi`: reads the command line, and turns errors into a sentence and an exit status."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__
from airflow_provider_aimlapi.commands.clean import CleanArguments, clean
from airflow_provider_aimlapi.commands.wording import parse_age_s
from airflow_provider_aimlapi.errors import AimlapiError, SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUT_HELP = "where a run writes: s3://bucket/folder, a local folder, or any fsspec URL"


def main(words: Sequence[str] | None = None) -> int:
    """Run a command. Exit status: 0 done, 1 the store or the API failed, 2 wrongly asked."""
    arguments = _parser().parse_args(words)
    try:
        arguments.command(arguments)
    except AimlapiError as error:
        print(f"airflow-aimlapi: {error}", file=sys.stderr)
        return 2 if isinstance(error, SetupError) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-aimlapi", description="Looks after the runs of ClaudeCompletionOperator."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_clean(commands.add_parser("clean", help="remove old run folders"))
    return parser


def _add_clean(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Removes the folders of old runs below _aimlapi/, never that of the run whose parts are in "
        "place. Not for times at which a task publishes to the same output path."
    )
    parser.add_argument("output", help=OUTPUT_HELP)
    parser.add_argument(
        "--older-than",
        required=True,
        type=parse_age_s,
        metavar="AGE",
        help="age of a run's newest object, such as 30d, 12h or 8w",
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what may go")
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    parser.set_defaults(command=_clean)


def _clean(typed: argparse.Namespace) -> None:
    clean(
        CleanArguments(
            output=typed.output,
            older_than_s=typed.older_than,
            is_dry_run=typed.dry_run,
            is_confirmed=typed.yes,
        )
    )
