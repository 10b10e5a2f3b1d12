"""The command line, as a script; nothing is started here."""

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
    """Where to listen, and what to do."""

    host: str
    port: int
    script: Script


def parse_arguments(words: list[str]) -> Arguments:
    """Read the command line; what it says goes over the file given with `--script`.

    Raises:
        ScriptError: A value makes no sense. Unknown options leave by SystemExit, as usual.
    """
    parsed = _parser().parse_args(words)
    base = parse_script(parsed.script.read_bytes()) if parsed.script else Script()
    changes = {name: value for name, value in vars(parsed).items() if value is not None}
    if "withdraw" in changes:
        changes["withdraw"] = dict(word.partition("=")[::2] for word in changes["withdraw"])
    return Arguments(host=parsed.host, port=parsed.port, script=_script_from(base, changes))


def parse_fault(text: str) -> Fault:
    """Read `KIND:SHARE[:name=value...]`; the share may be left out.

    Raises:
        ScriptError: An unknown kind or name, or a value that does not fit.
    """
    kind, *rest = text.split(":")
    fields: dict[str, Any] = {"kind": kind}
    for word in rest:
        name, equals, value = word.partition("=")
        fields.update({name: value} if equals else {"share": word})
    try:
        return msgspec.convert(fields, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise ScriptError(f"--fault {text}: {error}") from error


_PLACES = {
    "seed": ("seed",),
    "latency": ("latency", "median_s"),
    "latency_sigma": ("latency", "sigma"),
    "max_concurrent": ("limits", "max_concurrent"),
    "rps": ("limits", "rps"),
    "burst": ("limits", "burst"),
    "per_minute": ("limits", "per_minute"),
    "tokens_per_minute": ("limits", "tokens_per_minute"),
    "queue": ("limits", "is_queueing"),
    "balance": ("account", "balance_usd"),
    "key": ("account", "key"),
    "key_limit": ("account", "key_limit_usd"),
    "key_limit_retention": ("account", "key_limit_retention"),
    "envelope": ("forms", "envelope"),
    "finish_reasons": ("forms", "finish_reasons"),
    "cost": ("forms", "cost"),
    "vendor_errors": ("forms", "vendor_errors"),
    "content": ("forms", "content"),
    "tool_content": ("forms", "tool_content"),
    "cached_tokens": ("forms", "cached_tokens"),
    "reasoning_tokens": ("forms", "reasoning_tokens"),
    "prices": ("forms", "prices"),
    "documents": ("gateway", "documents"),
    "strict": ("gateway", "is_strict"),
    "drop": ("gateway", "drops"),
    "withdraw": ("gateway", "withdrawn"),
    "cache_marks": ("cache", "marks"),
    "cache_misses": ("cache", "miss_share"),
    "ledger_delay": ("ledger_delay_s",),
    "batch_duration": ("batches", "duration_s"),
}


def _script_from(base: Script, changes: dict[str, Any]) -> Script:
    script: dict[str, Any] = msgspec.to_builtins(base)
    for name, (first, *second) in _PLACES.items():
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aimlapi_simulator",
        description="A simulator of the AI/ML API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8123, help="0 for a free one (default 8123)")
    add("--script", type=Path, help="JSON file with a whole script")
    add("--seed", type=int, help="of latencies, shares and seeded forms")
    add("--latency", type=float, metavar="S", help="seconds; the median if there is a sigma")
    add("--latency-sigma", type=float, metavar="SIGMA", help="lognormal latencies")
    add("--max-concurrent", type=int, metavar="N", help="calls in flight; beyond: 429")
    add("--queue", action="store_true", default=None, help="beyond: wait in silence instead")
    add("--rps", type=float, metavar="N", help="calls a second, as a token bucket")
    add("--burst", type=float, metavar="N", help="size of the bucket")
    add("--per-minute", type=int, metavar="N", help="calls in a fixed window of a minute")
    add("--tokens-per-minute", type=int, metavar="N")
    add("--fault", action="append", metavar="KIND:SHARE[:...]", help="repeatable; see below")
    add("--balance", type=float, metavar="USD", help="beyond: 403")
    add("--key", help="the one valid key (default: any)")
    add("--key-limit", type=float, metavar="USD", help="threshold of the key; beyond: 403")
    add("--key-limit-retention", choices=["no_reset", "day", "week", "month"])
    _add_forms(parser)
    _add_gateway(parser)
    add("--batch-duration", type=float, metavar="S", help="seconds that a batch takes")
    return parser


def _add_forms(parser: argparse.ArgumentParser) -> None:
    """Add one option for each form in which an answer or an error may come."""
    group = parser.add_argument_group("forms of answers and errors", "seeded mixes them by request")
    add = group.add_argument
    add("--envelope", choices=["legacy", "problem", "seeded"], help="of errors")
    add("--vendor-errors", choices=["json", "plain", "seeded"], help="of the model's vendor")
    add("--finish-reasons", choices=["anthropic", "openai", "model", "seeded"])
    add("--cost", choices=["both", "header", "meta", "credits", "nowhere", "seeded"])
    add("--content", choices=["text", "parts", "seeded"], help="of a message")
    add("--tool-content", choices=["empty", "null", "seeded"], help="beside a tool's call")
    add("--cached-tokens", choices=["included", "beside"], help="in or beside prompt_tokens")
    add("--reasoning-tokens", choices=["included", "beside"], help="in or beside completion_tokens")
    add("--prices", choices=["origin", "measure"], help="how the price list names its units")


def _add_gateway(parser: argparse.ArgumentParser) -> None:
    """Add what the API does with a body before a model reads it."""
    group = parser.add_argument_group("requests")
    add = group.add_argument
    add("--documents", choices=["live", "older"], help="which documents say what an id takes")
    add("--strict", action="store_true", default=None, help="400 for fields that are no dialect's")
    add("--drop", action="append", metavar="FIELD", help="throw it away in silence; repeatable")
    add("--withdraw", action="append", metavar="ID=NEW_ID", help="404 for a model; repeatable")
    add("--cache-marks", choices=["accepted", "ignored", "refused"], help="of cache_control")
    add("--cache-misses", type=float, metavar="SHARE", help="of reads that find nothing")
    add("--ledger-delay", type=float, metavar="S", help="until a call is in the logs")
