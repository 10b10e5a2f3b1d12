"""`airflow-aimlapi`: reads the command line, and turns errors into a line and an exit status."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi import __version__
from airflow_provider_aimlapi.commands.age import parse_age_s
from airflow_provider_aimlapi.commands.check import CheckArguments, run_check
from airflow_provider_aimlapi.commands.clean import CleanArguments, remove_old_runs
from airflow_provider_aimlapi.commands.connection_variable import read_storage_connection
from airflow_provider_aimlapi.commands.endpoint_variable import (
    endpoint_from_connection,
    endpoint_from_key,
)
from airflow_provider_aimlapi.commands.output_tree import OutputTree
from airflow_provider_aimlapi.commands.reconcile import ReconcileArguments, reconcile_run
from airflow_provider_aimlapi.commands.runs import list_runs
from airflow_provider_aimlapi.commands.terminal import PrintableParser, print_error
from airflow_provider_aimlapi.errors import AimlapiError, InvalidSpec, SetupError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

KEY_VARIABLE = "AIMLAPI_KEY"
OUTPUT_HELP = "output path of a run: s3://bucket/folder, or a local folder"


def main(words: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 the store or the API failed, 2 the arguments or the set-up are wrong.
    """
    arguments = _parse_arguments(_build_parser(), words)
    try:
        arguments.command(arguments)
    except AimlapiError as error:
        print_error(f"airflow-aimlapi: {error}")
        return 2 if isinstance(error, SetupError) else 1
    return 0


def _parse_arguments(
    parser: argparse.ArgumentParser, words: Sequence[str] | None
) -> argparse.Namespace:
    """Return the parsed arguments. Exits if there are unknown ones, and names only their options."""
    # parse_args would quote the value of an unknown option, which may be a key.
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"too many or unknown arguments: {' '.join(options) or '…'}")
    return arguments


def _build_parser() -> argparse.ArgumentParser:
    parser = PrintableParser(
        prog="airflow-aimlapi", description="Works on the runs of ClaudeCompletionOperator."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partial(commands.add_parser, allow_abbrev=False)  # --key must not mean --key-env
    _add_clean(add("clean", help="remove old run folders"))
    _add_runs(add("runs", help="list runs with state, rows and cost"))
    _add_reconcile(add("reconcile", help="compare a run with the API's log"))
    _add_check(add("check", help="show what the API does with a live key, for less than 2 cents"))
    return parser


def _add_clean(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Removes the folders of old runs below _aimlapi/, but never the folder of the run that is "
        "visible at the output path. Do not use it while a task publishes to the same output path."
    )
    _add_tree(parser)
    parser.add_argument(
        "--older-than",
        required=True,
        type=parse_age_s,
        metavar="AGE",
        help="age of a run's newest object, such as 30d, 12h or 8w",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what can be removed, and remove nothing"
    )
    parser.add_argument("--yes", action="store_true", help="remove without a question")
    parser.set_defaults(command=_run_clean)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lists the runs at an output path, with state, rows and cost. Changes nothing. The figures of a "
        "run that is not published are those of its last report."
    )
    _add_tree(parser)
    parser.set_defaults(command=lambda typed: list_runs(_read_tree(typed)))


def _add_tree(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", help=OUTPUT_HELP)
    parser.add_argument(
        "--recursive",
        action="store_true",
        help="also search all folders below it, such as one output per day; clean then only lists, "
        "unless --yes is given",
    )
    parser.add_argument(
        "--conn-env",
        metavar="VAR",
        help="the environment variable that holds the Airflow connection to the store, such as "
        "AIRFLOW_CONN_AWS_DEFAULT; by default the environment's own credentials",
    )


def _read_tree(typed: argparse.Namespace) -> OutputTree:
    name = typed.conn_env
    return OutputTree(
        path=typed.output,
        is_recursive=typed.recursive,
        connection=None if name is None else read_storage_connection(os.environ, name),
    )


def _run_clean(typed: argparse.Namespace) -> None:
    remove_old_runs(
        CleanArguments(
            tree=_read_tree(typed),
            older_than_s=typed.older_than,
            is_dry_run=typed.dry_run,
            is_confirmed=typed.yes,
        )
    )


def _add_reconcile(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Reads a run's calls from the API's log: how many were billed, what they cost, and which rows "
        "were billed more than once. Changes nothing and costs nothing. The log lags behind."
    )
    parser.add_argument("output", help=OUTPUT_HELP)
    parser.add_argument(
        "--run-key", metavar="KEY", help="the run; by default the one that is visible at the output"
    )
    parser.add_argument(
        "--since",
        type=parse_age_s,
        metavar="AGE",
        help="read the log from this long ago until now, such as 7d; by default the times of the run's "
        "objects decide",
    )
    _add_key(parser, whose="the run's API key")
    parser.set_defaults(command=_run_reconcile)


def _run_reconcile(typed: argparse.Namespace) -> None:
    reconcile_run(
        ReconcileArguments(
            output=typed.output,
            run_key=typed.run_key,
            since_s=typed.since,
            endpoint=_read_endpoint(typed),
        )
    )


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Finds out with at most 12 tiny calls what the API's documents leave open, and prints a table. "
        "Announces the cost and asks before the first call. Costs less than 0.02 USD."
    )
    _add_key(parser, whose="the API key")
    parser.add_argument("--out", metavar="FILE", help="write the facts as JSON, for a bug report")
    parser.add_argument("--yes", action="store_true", help="spend without a question")
    parser.set_defaults(command=_run_check)


def _run_check(typed: argparse.Namespace) -> None:
    run_check(CheckArguments(endpoint=_read_endpoint(typed), out=typed.out, is_confirmed=typed.yes))


def _add_key(parser: argparse.ArgumentParser, *, whose: str) -> None:
    key = parser.add_mutually_exclusive_group()
    key.add_argument(
        "--key-env",
        default=KEY_VARIABLE,
        metavar="VAR",
        help=f"the environment variable that holds {whose}; by default {KEY_VARIABLE}",
    )
    key.add_argument(
        "--conn-env",
        metavar="VAR",
        help="the environment variable that holds an Airflow connection instead, such as "
        "AIRFLOW_CONN_AIMLAPI_DEFAULT",
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="the API's base URL, with --key-env; by default the public API",
    )


def _read_endpoint(typed: argparse.Namespace) -> Endpoint:
    if typed.conn_env is None:
        return endpoint_from_key(os.environ, typed.key_env, base_url=typed.base_url)
    if typed.base_url is not None:
        raise InvalidSpec(
            "--base-url goes with --key-env, because a connection has its own host. Leave it out."
        )
    return endpoint_from_connection(os.environ, typed.conn_env)
