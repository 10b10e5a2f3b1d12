"""Stores as runs leave them, and what has to hold whatever is planted there."""

from __future__ import annotations

import json
from functools import cache

from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.errors import AimlapiError
from tests.attacks.planted_run import ROWS, Attempt, Bench, divided

FOREIGN = {"notes.txt": b"the user's", "old/04-00000.parquet": b"another tool's"}
ASKED = ROWS - 1
"""One row holds a null."""
BUDGET_USD = 0.05
DEAREST_NANO_USD = 4_000_000
OTHER = "In one word: {body}"


@cache
def finished() -> Bench:
    """A run that is in place."""
    attempt = Bench(objects=dict(FOREIGN)).attempt()
    assert attempt.report is not None
    assert len(attempt.prompts) == ASKED
    return Bench(objects=attempt.objects)


@cache
def replaced() -> Bench:
    """The same, after which another run came into place."""
    attempt = finished().attempt(prompt=OTHER)
    assert attempt.report is not None
    return Bench(objects=attempt.objects)


@cache
def interrupted() -> Bench:
    """A run that was killed when half of its parts were durable, and let go of since."""
    run_key = run_key_of(finished())
    attempt = Bench(objects=dict(FOREIGN)).attempt(
        kill_at=f"create _aimlapi/{run_key}/parts/part-00002"
    )
    heartbeat = f"_aimlapi/{run_key}/heartbeat/00000001"
    released = b'{"state":"released","beat":9,"has_run":true}'
    return Bench(objects=attempt.objects | {heartbeat: released})


@cache
def shared() -> Bench:
    """A run divided among workers, one of whom has done a share within a budget."""
    planned = Bench(objects={**FOREIGN, **divided(4)}, share=0)
    attempt = planned.attempt(max_cost_usd=BUDGET_USD)
    assert attempt.report is not None
    return Bench(objects=attempt.objects, share=1)


def run_key_of(bench: Bench) -> str:
    return str(json.loads(bench.objects["_SUCCESS"])["run_key"])


def the(bench: Bench, ending: str) -> str:
    """The first object whose name holds this, of the usual run."""
    run_key = run_key_of(finished())
    names = sorted(bench.objects)
    return next(name for name in names if ending in name and (run_key in name or "/" not in ending))


def check(bench: Bench, attempt: Attempt) -> None:
    """An attempt that met what was planted has kept every promise."""
    assert attempt.error is None or isinstance(attempt.error, AimlapiError), repr(attempt.error)
    assert len(attempt.prompts) == len(set(attempt.prompts)) <= ASKED
    for name, data in FOREIGN.items():
        assert attempt.objects[name] == data
    for name in set(attempt.objects) - set(bench.objects):
        assert is_object_name(name), name
        assert name.startswith("_aimlapi/") or name == "_SUCCESS" or name[2:] == "-00000.parquet"


def segments(bench: Bench) -> list[str]:
    return [name for name in sorted(bench.objects) if "/journal/" in name]
