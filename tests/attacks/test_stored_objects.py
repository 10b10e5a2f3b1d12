"""Whatever stands in a store, an attempt ends as it should: what is planted gains nothing.

Each stored object is broken in each of its fields. The next attempt succeeds or raises an error of
ours, pays for no row twice nor for a row that is paid for, keeps to its budget, and changes no file
that no run has put there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.durable import plan
from airflow_provider_aimlapi.core.durable.journal import decode_segment
from airflow_provider_aimlapi.engine.durable import collector
from airflow_provider_aimlapi.engine.durable import earlier_answers as resume
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from lab.simulation.swapping import swapped
from tests.attacks.broken_values import (
    FEW,
    MANY,
    broken_bytes,
    broken_documents,
    broken_segments,
)
from tests.attacks.planted_run import PROMPT, Bench
from tests.attacks.planted_stores import (
    ASKED,
    BUDGET_USD,
    FOREIGN,
    OTHER,
    check,
    finished,
    interrupted,
    replaced,
    run_key_of,
    segments,
    shared,
    the,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def broken(data: bytes, values: tuple[Any, ...]) -> Iterator[tuple[str, bytes]]:
    yield from broken_bytes(data)
    if data.startswith(b"{"):
        yield from broken_documents(data, values)


def sweep(bench: Bench, name: str, values: tuple[Any, ...], *, unpaid: set[str], **job: Any) -> int:
    """Attempts over a store in which one object is broken, in all ways; how many there were."""
    cases = list(broken(bench.objects[name], values))
    for what, data in cases:
        attempt = bench.attempt(changes={name: data}, **job)
        try:
            check(bench, attempt)
            assert set(attempt.prompts) <= unpaid
        except AssertionError as error:
            raise AssertionError(f"{name}: {what}: {error}") from error
    return len(cases)


RUN_OBJECTS = ("plan.json", "manifest.json", "progress.json", "/lease/", "/heartbeat/", "_SUCCESS")


@pytest.mark.parametrize("kind", RUN_OBJECTS)
def test_broken_object_of_a_finished_run_costs_nothing(kind: str) -> None:
    assert sweep(finished(), the(finished(), kind), FEW, unpaid=set()) > 5


@pytest.mark.parametrize("kind", ["plan.json", "/lease/", "/heartbeat/"])
def test_broken_object_of_interrupted_run_costs_no_row_again(kind: str) -> None:
    unpaid = set(interrupted().attempt().prompts)
    assert 0 < len(unpaid) < ASKED
    sweep(interrupted(), the(interrupted(), kind), FEW, unpaid=unpaid)


@pytest.mark.parametrize("kind", ["_SUCCESS", "_aimlapi/publication/change", "plan.json"])
def test_broken_object_of_run_in_place_harms_no_file(kind: str) -> None:
    names = [name for name in sorted(finished().objects) if kind in name]
    unpaid = set(finished().attempt(prompt=OTHER).prompts)
    sweep(finished(), names[0], FEW, unpaid=unpaid, prompt=OTHER)


SWEEPS: tuple[tuple[Any, dict[str, Any], tuple[Any, ...]], ...] = (
    (finished, {}, MANY),
    (finished, {"prompt": OTHER}, FEW),
    (interrupted, {}, FEW),
    (interrupted, {"retry_rejected": True, "max_cost_usd": BUDGET_USD}, FEW),
    (replaced, {}, FEW),
    (shared, {"max_cost_usd": BUDGET_USD}, FEW),
)


@pytest.mark.attack
@pytest.mark.parametrize(("bench", "job", "values"), SWEEPS)
def test_every_object_in_every_field_gains_nothing(
    bench: Any, job: dict[str, Any], values: tuple[Any, ...]
) -> None:
    unpaid = set(bench().attempt(**job).prompts)
    for name in sorted(bench().objects):
        if name.startswith("_") and "/journal/" not in name and "/parts/" not in name:
            sweep(bench(), name, values, unpaid=unpaid, **job)


def test_absent_object_is_made_anew_or_named() -> None:
    for bench in (finished(), interrupted()):
        unpaid = set(bench.attempt().prompts)
        for name in sorted(bench.objects):
            attempt = bench.attempt(changes={name: None} if name not in FOREIGN else {})
            check(bench, attempt)
            if "/journal/" not in name and "/parts/" not in name:
                assert set(attempt.prompts) <= unpaid, name


# The plan.


def test_plan_that_lists_rows_again_costs_no_call() -> None:
    name = the(interrupted(), "plan.json")
    stored = json.loads(interrupted().objects[name])
    first, *others = stored["shards"]
    times = [[part, *first[1:]] for part in range(50)]
    halves = [[0, 0, 0, 2, first[4]], [1, 0, 2, 2, "00-00001.parquet"]]
    lists = [
        times,
        [*stored["shards"], [4, *first[1:]]],
        [first, first, *others],
        [others[0], first, *others[1:]],
        others,
        [],
        [*halves, *([part + 2, *shard[1:]] for part, shard in enumerate(others))],
        [[0, 0, 1, 3, first[4]], *others],
        [[0, 1, *first[2:]], *others],
        [[0, 99, *first[2:]], *others],
        [[*first[:4], "another.parquet"], *others],
        [[*first[:4], "../../dags/dag.py"], *others],
    ]
    for shards in lists:
        for more in ({}, {"workers": 64}, {"shares": [0, 1]}):
            changes = {name: json.dumps(stored | {"shards": shards} | more).encode()}
            attempt = interrupted().attempt(changes=changes)
            assert isinstance(attempt.error, JournalUnreadable), shards
            assert "starts from the beginning" in str(attempt.error)
            assert attempt.prompts == []


# The journal.


@pytest.mark.parametrize("values", [FEW, pytest.param(MANY, marks=pytest.mark.attack)])
def test_broken_segment_costs_its_own_rows_at_most(values: tuple[Any, ...]) -> None:
    bench = interrupted()
    unpaid = set(bench.attempt().prompts)
    open_segments = [name for name in segments(bench) if "/00002/" in name]
    kinds = {next(decode_segment(bench.objects[name])).kind: name for name in open_segments}
    assert set(kinds) == {"answer", "rejected"}
    for name in kinds.values():
        own = set(bench.attempt(changes={name: None}).prompts) - unpaid
        for what, data in (
            *broken_bytes(bench.objects[name]),
            *broken_segments(bench.objects[name], values),
        ):
            attempt = bench.attempt(changes={name: data})
            check(bench, attempt)
            assert set(attempt.prompts) <= unpaid | own, (name, what)


# Parts.


def test_broken_part_is_named_before_any_call() -> None:
    bench = interrupted()
    name = the(bench, "/parts/part-00000")
    for what, data in broken_bytes(bench.objects[name]):
        attempt = bench.attempt(changes={name: data})
        if what not in (
            "twice",
            "3 GiB",
        ):  # Parquet is read from its end, and nothing else of it is
            assert isinstance(attempt.error, JournalUnreadable), what
            assert "part-00000" in str(attempt.error)
        assert len(attempt.prompts) <= ASKED


# Names.


@pytest.mark.parametrize(
    "planted",
    [
        "lease/99999999",
        "lease/100000000",
        "lease/" + "9" * 900,
        "lease/00000000",
        "lease/deeper/lease/00000007",
        "heartbeat/99999999",
        "journal/00000/99999999-99999999",
        "journal/00000/00000002-00000000",
        "journal/99999999999/00000001-00000001",
        "parts/part-0000000003.parquet",
        "parts/part-00003-00000000.parquet",
        "parts/deeper/parts/part-00003.parquet",
        "parts/part-99999.parquet",
        "share/0000/progress.json",
        "manifest.json/x",
    ],
)
def test_planted_name_neither_pays_nor_ends_in_another_error(planted: str) -> None:
    run_key = run_key_of(finished())
    for bench in (finished(), interrupted(), shared()):
        for prompt in (PROMPT, OTHER):
            changes = {f"_aimlapi/{run_key}/{planted}": b"{}"}
            attempt = bench.attempt(changes=changes, prompt=prompt)
            check(bench, attempt)
            assert set(attempt.prompts) <= set(bench.attempt(prompt=prompt).prompts)


def test_planted_names_like_parts_do_not_stop_a_run() -> None:
    run_key = run_key_of(finished())
    changes = {
        f"_aimlapi/{run_key}/{name}": b"planted"
        for name in (
            "parts/part-0000000003.parquet",
            "parts/part-00003-00000000.parquet",
            "parts/deeper/parts/part-00003.parquet",
            "lease/100000000",
            "lease/deeper/lease/00000007",
            "journal/00000/00000000-00000001",
        )
    }
    attempt = interrupted().attempt(changes=changes)
    assert attempt.error is None
    assert attempt.prompts == interrupted().attempt().prompts


# Limits.


def test_flood_of_leases_ends_in_an_error() -> None:
    """Each of them would be looked at again and again, until its silence is proven."""
    run_key = run_key_of(finished())
    for folder in (run_key, "publication"):
        for count in (300, 10_001):
            changes = {f"_aimlapi/{folder}/lease/{n:08d}": b"x" for n in range(2, count + 2)}
            attempt = Bench(objects=dict(FOREIGN)).attempt(changes=changes)
            assert isinstance(attempt.error, JournalUnreadable)
            assert "remove the leases" in str(attempt.error)


def test_some_planted_leases_cost_a_wait_only() -> None:
    run_key = run_key_of(finished())
    changes = {f"_aimlapi/{run_key}/lease/{epoch:08d}": b"x" for epoch in range(2, 40)}
    attempt = interrupted().attempt(changes=changes)
    assert attempt.error is None
    assert attempt.prompts == interrupted().attempt().prompts


def test_journal_beyond_its_room_is_refused_before_any_call() -> None:
    with swapped(resume, "KEPT_BYTES_MAX", resume.RECORD_BYTES):
        attempt = interrupted().attempt()
    assert isinstance(attempt.error, JournalUnreadable)
    assert "holds more than an attempt leaves" in str(attempt.error)
    assert attempt.prompts == []


def test_part_that_would_not_read_back_is_not_written() -> None:
    with swapped(collector, "PART_BYTES_MAX", 5_000):
        attempt = Bench().attempt()
    assert isinstance(attempt.error, InvalidSpec)
    assert "lower max_tokens" in str(attempt.error)
    again = Bench(objects=attempt.objects).attempt()
    assert again.error is None
    assert not set(again.prompts) & set(attempt.prompts)


def test_run_that_would_not_read_back_is_not_begun() -> None:
    for limit in ("PARTS_MAX", "BRACKETS_MAX", "PLAN_BYTES_MAX", "MANIFEST_BYTES_MAX"):
        with swapped(plan, limit, 3):
            attempt = Bench().attempt()
        assert isinstance(attempt.error, InvalidSpec), limit
        assert "Give each run fewer files" in str(attempt.error)
        assert attempt.prompts == []
        assert not [name for name in attempt.objects if name.endswith("plan.json")]
