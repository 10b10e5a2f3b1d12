"""`airflow-aimlapi`: reads the command line, and turns errors into a sentence and an exit status."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__
from airflow_provider_aimlapi.commands.age import parse_age_s
from airflow_provider_aimlapi.commands.check import CheckArguments, check
from airflow_provider_aimlapi.commands.clean import CleanArguments, clean
from airflow_provider_aimlapi.commands.endpoint_variable import (
    endpoint_from_connection,
    endpoint_from_key,
)
from airflow_provider_aimlapi.commands.reconcile import ReconcileArguments, reconcile
from airflow_provider_aimlapi.commands.terminal import PrintableParser, complain
from airflow_provider_aimlapi.errors import AimlapiError, InvalidSpec, SetupError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

KEY_VARIABLE = "AIMLAPI_KEY"
OUTPUT_HELP = "where a run writes: s3://bucket/folder, or a local folder"


def main(words: Sequence[str] | None = None) -> int:
    """Run a command. Exit status: 0 done, 1 the store or the API failed, 2 wrongly asked."""
    arguments = _parse(_parser(), words)
    try:
        arguments.command(arguments)
    except AimlapiError as error:
        complain(f"airflow-aimlapi: {error}")
        return 2 if isinstance(error, SetupError) else 1
    return 0


def _parse(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """As parse_args, but what follows an option that is none is not repeated: it may be a key."""
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"too many arguments, or unknown ones: {' '.join(options) or '…'}")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = PrintableParser(
        prog="airflow-aimlapi", description="Looks after the runs of ClaudeCompletionOperator."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partial(commands.add_parser, allow_abbrev=False)  # --key must not mean --key-env
    _add_clean(add("clean", help="remove old run folders"))
    _add_reconcile(add("reconcile", help="what a run was really billed"))
    _add_check(add("check", help="what the API does with a live key, for 2 cents at most"))
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


def _add_reconcile(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Asks the API's log for a run's calls: how many were billed, what they cost, and which rows "
        "were billed more than once. Changes nothing and costs nothing. Rows of the log appear late."
    )
    parser.add_argument("output", help=OUTPUT_HELP)
    parser.add_argument("--run-key", metavar="KEY", help="which run; the one in place if not given")
    parser.add_argument(
        "--since",
        type=parse_age_s,
        metavar="AGE",
        help="ask the log from so long ago until now, such as 7d; from the times of the run's "
        "objects if not given",
    )
    _add_key(parser, whose="the run's API key")
    parser.set_defaults(command=_reconcile)


def _reconcile(typed: argparse.Namespace) -> None:
    reconcile(
        ReconcileArguments(
            output=typed.output,
            run_key=typed.run_key,
            since_s=typed.since,
            endpoint=_endpoint(typed),
        )
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Settles by at most 12 tiny calls what the API's documents leave open, and prints a table. "
        "States the cost first and asks. Costs less than 0.02 USD."
    )
    _add_key(parser, whose="the API key")
    parser.add_argument("--out", metavar="FILE", help="write the facts as JSON, for a bug report")
    parser.add_argument("--yes", action="store_true", help="spend without asking")
    parser.set_defaults(command=_check)


def _check(typed: argparse.Namespace) -> None:
    check(CheckArguments(endpoint=_endpoint(typed), out=typed.out, is_confirmed=typed.yes))


def _add_key(parser: argparse.ArgumentParser, *, whose: str) -> None:
    key = parser.add_mutually_exclusive_group()
    key.add_argument(
        "--key-env",
        default=KEY_VARIABLE,
        metavar="VAR",
        help=f"the environment variable that holds {whose}; {KEY_VARIABLE} if not given",
    )
    key.add_argument(
        "--conn-env",
        metavar="VAR",
        help="the environment variable that holds the Airflow connection instead, such as "
        "AIRFLOW_CONN_AIMLAPI_DEFAULT",
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="of the API, with --key-env; the public one if not given"
    )


def _endpoint(typed: argparse.Namespace) -> Endpoint:
    if typed.conn_env is None:
        return endpoint_from_key(os.environ, typed.key_env, base_url=typed.base_url)
    if typed.base_url is not None:
        raise InvalidSpec("--base-url goes with --key-env: a connection has its own host.")
    return endpoint_from_connection(os.environ, typed.conn_env)
