"""The command line, read into a script."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from aimlapi_simulator.faults.kinds import EFFECTS
from aimlapi_simulator.faults.script import Fault, Script, ScriptError, parse_script

_EPILOG = f"""faults: KIND:SHARE[:name=value...], e.g. --fault 429:0.1 --fault 500:1:contains=Dear:times=2
kinds:  {", ".join(EFFECTS)}
names:  {", ".join(name for name in Fault.__struct_fields__ if name not in ("kind", "share"))}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The address to listen at, and the script to follow."""

    host: str
    port: int
    script: Script


def parse_arguments(words: list[str]) -> Arguments:
    """Read the command line. Its options replace values of the file named by `--script`.

    Raises:
        ScriptError: a value is out of range. An unknown option raises SystemExit, as usual.
    """
    parsed = _make_parser().parse_args(words)
    base = parse_script(parsed.script.read_bytes()) if parsed.script else Script()
    changes = {name: value for name, value in vars(parsed).items() if value is not None}
    if "withdraw" in changes:
        changes["withdraw"] = dict(word.partition("=")[::2] for word in changes["withdraw"])
    return Arguments(host=parsed.host, port=parsed.port, script=_script_from(base, changes))


def parse_fault(text: str) -> Fault:
    """Read `KIND:SHARE[:name=value...]`. The share may be left out.

    Raises:
        ScriptError: the kind or a name is unknown, or a value does not fit.
    """
    kind, *rest = text.split(":")
    fields: dict[str, Any] = {"kind": kind}
    for word in rest:
        name, equals, value = word.partition("=")
        fields.update({name: value} if equals else {"share": word})
    # Not strict, because all values of a command line are text.
    try:
        return msgspec.convert(fields, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise ScriptError(f"--fault {text}: {error}") from error


_FIELDS = {
    "seed": ("seed",),
    "latency": ("latency", "median_s"),
    "latency_sigma": ("latency", "sigma"),
    "max_concurrent": ("limits", "max_concurrent"),
    "rps": ("limits", "rps"),
    "burst": ("limits", "burst"),
    "per_minute": ("limits", "per_minute"),
    "tokens_per_minute": ("limits", "tokens_per_minute"),
    "upstreams": ("limits", "upstreams"),
    "queue": ("limits", "is_queueing"),
    "balance": ("account", "balance_usd"),
    "key": ("account", "key"),
    "key_limit": ("account", "key_limit_usd"),
    "key_limit_retention": ("account", "key_limit_retention"),
    "envelope": ("forms", "envelope"),
    "finish_reasons": ("forms", "finish_reasons"),
    "cost": ("forms", "cost"),
    "vendor_errors": ("forms", "vendor_errors"),
    "text": ("forms", "text"),
    "content": ("forms", "content"),
    "tool_content": ("forms", "tool_content"),
    "cached_tokens": ("forms", "cached_tokens"),
    "reasoning_tokens": ("forms", "reasoning_tokens"),
    "prices": ("forms", "prices"),
    "documents": ("gateway", "documents"),
    "strict": ("gateway", "is_strict"),
    "drop": ("gateway", "drops"),
    "refuse": ("gateway", "refuses"),
    "withdraw": ("gateway", "withdrawn"),
    "cache_marks": ("cache", "marks"),
    "cache_misses": ("cache", "miss_share"),
    "ledger_delay": ("ledger_delay_s",),
    "batch_duration": ("batches", "duration_s"),
}
"""The option's name, and the field of the script that it sets."""


def _script_from(base: Script, changes: dict[str, Any]) -> Script:
    script: dict[str, Any] = msgspec.to_builtins(base)
    for name, (first, *second) in _FIELDS.items():
        if name in changes and second:
            script[first][second[0]] = changes[name]
        elif name in changes:
            script[first] = changes[name]
    faults = [msgspec.to_builtins(parse_fault(text)) for text in changes.get("fault", [])]
    script["faults"] = [*script["faults"], *faults]
    try:
        return msgspec.convert(script, Script)
    except msgspec.ValidationError as error:
        raise ScriptError(str(error)) from error


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aimlapi_simulator",
        description="A simulator of the AI/ML API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    # Only address and port have defaults here. The defaults of all other options are the script's.
    add("--host", default="127.0.0.1", help="address to listen at (default 127.0.0.1)")
    add(
        "--port",
        type=int,
        default=8123,
        help="port to listen at; 0 takes a free one (default 8123)",
    )
    add("--script", type=Path, help="JSON file with a whole script")
    add("--seed", type=int, help="seed of latencies, shares and seeded forms")
    add(
        "--latency",
        type=float,
        metavar="S",
        help="seconds per call; the median with --latency-sigma",
    )
    add("--latency-sigma", type=float, metavar="SIGMA", help="spread of lognormal latencies")
    add("--max-concurrent", type=int, metavar="N", help="calls in flight; one more is answered 429")
    add(
        "--queue",
        action="store_true",
        default=None,
        help="calls over --max-concurrent wait instead",
    )
    add("--rps", type=float, metavar="N", help="calls per second, as a token bucket")
    add("--burst", type=float, metavar="N", help="size of the bucket")
    add("--per-minute", type=int, metavar="N", help="calls in a fixed window of a minute")
    add("--tokens-per-minute", type=int, metavar="N", help="tokens in the same window")
    add("--upstreams", type=int, metavar="N", help="so many, each with these limits for itself")
    add(
        "--fault",
        action="append",
        metavar="KIND:SHARE[:...]",
        help="a fault, see below; repeatable",
    )
    add("--balance", type=float, metavar="USD", help="money of the account; 403 when it is spent")
    add("--key", help="the one valid key (default: any)")
    add("--key-limit", type=float, metavar="USD", help="limit of the key; 403 when it is spent")
    retentions = ["no_reset", "day", "week", "month"]
    add("--key-limit-retention", choices=retentions, help="period after which it starts anew")
    _add_forms(parser)
    _add_gateway(parser)
    add("--batch-duration", type=float, metavar="S", help="seconds per batch")
    return parser


def _add_forms(parser: argparse.ArgumentParser) -> None:
    """Add one option for each form that an answer or an error may have."""
    group = parser.add_argument_group(
        "forms of answers and errors", "seeded chooses one per request"
    )
    add = group.add_argument
    add("--envelope", choices=["legacy", "problem", "seeded"], help="form of errors")
    add(
        "--vendor-errors",
        choices=["json", "plain", "seeded"],
        help="form of the errors of the model's vendor",
    )
    reasons = ["anthropic", "openai", "model", "seeded"]
    add("--finish-reasons", choices=reasons, help="words for the reason to finish")
    costs = ["both", "header", "meta", "credits", "nowhere", "seeded"]
    add("--cost", choices=costs, help="where a completion reports its cost")
    add("--text", choices=["excerpt", "sentence"], help="the prompt's beginning, or a sentence")
    add("--content", choices=["text", "parts", "seeded"], help="form of a message's content")
    add("--tool-content", choices=["empty", "null", "seeded"], help="text beside a tool call")
    add("--cached-tokens", choices=["included", "beside"], help="in or beside prompt_tokens")
    add("--reasoning-tokens", choices=["included", "beside"], help="in or beside completion_tokens")
    add("--prices", choices=["origin", "measure"], help="how the price list names its units")


def _add_gateway(parser: argparse.ArgumentParser) -> None:
    """Add the options for what the API does with a body before a model reads it."""
    # No defaults here either: an option that is left out must not replace the script's value.
    group = parser.add_argument_group("requests")
    add = group.add_argument
    add("--documents", choices=["live", "older"], help="documents that define the dialects")
    add("--strict", action="store_true", default=None, help="400 for fields outside the dialect")
    add("--drop", action="append", metavar="FIELD", help="ignore this field; repeatable")
    add("--refuse", action="append", metavar="FIELD", help="answer 400 to it; repeatable")
    add("--withdraw", action="append", metavar="ID=NEW_ID", help="404 for a model; repeatable")
    add(
        "--cache-marks",
        choices=["accepted", "ignored", "refused"],
        help="what becomes of cache_control",
    )
    add("--cache-misses", type=float, metavar="SHARE", help="share of cache reads that miss")
    add("--ledger-delay", type=float, metavar="S", help="seconds until a call is in the logs")
