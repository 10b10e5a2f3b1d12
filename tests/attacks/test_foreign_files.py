"""A file that no run has put there is neither written over nor deleted, whatever is planted."""

from __future__ import annotations

import json
from itertools import product

import pytest

from airflow_provider_aimlapi.core.durable.keys import PublicationNames, RunNames
from airflow_provider_aimlapi.core.durable.manifest import encode_manifest, manifest_of
from airflow_provider_aimlapi.core.durable.plan import Plan, Shard, encode_plan
from airflow_provider_aimlapi.errors import InvalidSpec
from tests.attacks.broken_values import Huge
from tests.attacks.planted_run import Bench, Objects
from tests.attacks.planted_stores import (
    ASKED,
    OTHER,
    check,
    finished,
    interrupted,
    replaced,
    run_key_of,
)
from tests.fakes.staged_run import ROWS, entry_of, part_bytes

OURS = "00-00000.parquet"
"""What the run's own first part is called."""
THEIRS = "zz-00000.parquet"
USERS = b"PAR1 the user's own file, whatever it holds PAR1"
PLANTED = RunNames(run_key="d" * 32)
PLACES = PublicationNames()


def planted_run(visible: str, staged: bytes | None) -> Objects:
    """A whole run that says this file is one of its parts."""
    shard = Shard(part=0, file=0, first_row=0, rows=ROWS, visible_name=visible)
    entry = entry_of(staged or b"", shard, PLANTED)
    objects = {
        PLANTED.plan_name: encode_plan(Plan(run_key=PLANTED.run_key, shards=(shard,)), b"{}"),
        PLANTED.manifest_name: encode_manifest(manifest_of(PLANTED.run_key, [entry])),
    }
    return objects if staged is None else {**objects, PLANTED.part_name(0): staged}


def claims_to_be_in_place(run_key: str) -> list[Objects]:
    """Ways to say that a run's parts are the visible ones."""
    success = json.dumps({"run_key": run_key, "manifest": "m", "parts": 1, "rows": 1}).encode()
    changes = [
        json.dumps({"run_key": run_key, "replaces": None}).encode(),
        json.dumps({"run_key": None, "replaces": run_key}).encode(),
        json.dumps({"run_key": run_key, "replaces": run_key}).encode(),
    ]
    leased = [
        {PLACES.lease_name(7): b"planted", PLACES.change_name(7): change} for change in changes
    ]
    return [{}, {"_SUCCESS": success}, *leased, *({"_SUCCESS": success, **one} for one in leased)]


STAGED = {
    "nothing staged": None,
    "a copy of the file staged": USERS,
    "a true part staged": part_bytes(PLANTED.run_key, 0),
}


@pytest.mark.parametrize("staged", STAGED.values(), ids=STAGED)
def test_foreign_file_in_the_way_is_refused_unpaid(staged: bytes | None) -> None:
    for bench, claim in product(
        (Bench(), finished(), replaced()), claims_to_be_in_place(PLANTED.run_key)
    ):
        changes = {**planted_run(OURS, staged), **claim, OURS: USERS}
        attempt = bench.attempt(prompt="Another one: {body}", changes=changes)
        assert isinstance(attempt.error, InvalidSpec)
        assert OURS in str(attempt.error)
        assert attempt.prompts == []
        assert attempt.objects[OURS] == USERS


@pytest.mark.parametrize("staged", STAGED.values(), ids=STAGED)
def test_foreign_file_beside_is_not_deleted(staged: bytes | None) -> None:
    for bench, claim in product(
        (Bench(), finished(), interrupted()), claims_to_be_in_place(PLANTED.run_key)
    ):
        changes = {**planted_run(THEIRS, staged), **claim, THEIRS: USERS}
        attempt = bench.attempt(prompt=OTHER, changes=changes)
        assert attempt.objects[THEIRS] == USERS
        assert isinstance(attempt.error, InvalidSpec | None)
        assert len(attempt.prompts) <= ASKED


def test_foreign_file_during_a_run_is_named_and_kept() -> None:
    bench = Bench()
    attempt = bench.attempt(meanwhile={"manifest.json": {OURS: USERS}})
    assert isinstance(attempt.error, InvalidSpec)
    assert OURS in str(attempt.error)
    assert attempt.objects[OURS] == USERS
    assert "_SUCCESS" not in attempt.objects
    assert [name for name in attempt.objects if "/" not in name] == [OURS]
    again = Bench(objects=attempt.objects).attempt(changes={OURS: None})
    assert again.error is None
    assert again.prompts == []
    assert "_SUCCESS" in again.objects


def test_file_put_over_our_part_is_refused_and_stays() -> None:
    attempt = finished().attempt(prompt=OTHER, changes={OURS: USERS})
    assert isinstance(attempt.error, InvalidSpec)
    assert attempt.prompts == []
    assert attempt.objects[OURS] == USERS


@pytest.mark.parametrize("body", [b"", b"{}", Huge(b""), b"[" * 100_000, b"\xff" * 100])
def test_success_of_another_tool_stops_no_run(body: bytes) -> None:
    for bench in (Bench(), interrupted()):
        attempt = bench.attempt(changes={"_SUCCESS": body})
        assert attempt.error is None
        assert json.loads(attempt.objects["_SUCCESS"])["run_key"] == run_key_of(finished())


@pytest.mark.parametrize("run_key", ["our own", "d" * 32])
def test_success_file_of_a_missing_run_stops_nothing(run_key: str) -> None:
    key = run_key_of(finished()) if run_key == "our own" else run_key
    for bench in (Bench(), interrupted()):
        for claim in claims_to_be_in_place(key):
            attempt = bench.attempt(changes=claim)
            assert attempt.error is None
            assert json.loads(attempt.objects["_SUCCESS"])["run_key"] == run_key_of(finished())
            visible = {name for name in attempt.objects if name[2:] == "-00000.parquet"}
            assert len(visible) == 4


@pytest.mark.parametrize("victim", ["plan.json", "manifest.json", "parts/part-00000.parquet"])
def test_plan_that_calls_a_stored_object_visible_deletes_nothing(victim: str) -> None:
    """The run in place gets a plan by which one of its own objects is a part that readers see."""
    folder = f"_aimlapi/{run_key_of(finished())}"
    plan = json.loads(finished().objects[f"{folder}/plan.json"])
    plan["shards"][0][4] = f"{folder}/{victim}"
    changes = {f"{folder}/plan.json": json.dumps(plan).encode()}
    before = {**finished().objects, **changes}
    attempt = finished().attempt(prompt=OTHER, changes=changes)
    assert isinstance(attempt.error, InvalidSpec)
    stored = {name: data for name, data in before.items() if name.startswith(f"{folder}/")}
    assert stored.items() <= attempt.objects.items()


def test_planted_run_does_not_change_what_we_publish() -> None:
    for claim in claims_to_be_in_place(PLANTED.run_key):
        planted = planted_run("00-00001.parquet", part_bytes(PLANTED.run_key, 0))
        attempt = finished().attempt(changes={**planted, **claim})
        check(finished(), attempt)
        assert attempt.error is None
        assert attempt.prompts == []
        assert json.loads(attempt.objects["_SUCCESS"])["run_key"] == run_key_of(finished())
