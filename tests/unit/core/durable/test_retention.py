"""Which run folders may go, and the order in which their objects go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.keys import RunNames, parse_run_key
from airflow_provider_aimlapi.core.durable.retention import (
    RunFolder,
    StoredObject,
    removal_stages,
    why_kept,
)

NAMES = RunNames(run_key="ab" * 16)
HOUR_US = 3_600_000_000
NOW_US = 1_790_000_000_000_000


def folder(*hours: float, **changes: Any) -> RunFolder:
    """A folder with objects of these ages."""
    objects = tuple(
        StoredObject(name=NAMES.part_name(n), size_bytes=1, modified_us=NOW_US - int(age * HOUR_US))
        for n, age in enumerate(hours)
    )
    usual: dict[str, Any] = {
        "run_key": NAMES.run_key,
        "objects": objects,
        "removal_epochs": frozenset(),
        "is_released": True,
        "shown_run": None,
    }
    return RunFolder(**{**usual, **changes})


@pytest.mark.parametrize(
    ("found", "older_than_h", "reason"),
    [
        (folder(100, 90), 80, None),
        (folder(100, 70), 80, "younger"),
        (folder(100, shown_run=NAMES.run_key), 80, "in place"),
        (folder(100, shown_run="cd" * 16), 80, None),
        (folder(100, obstacle="a part is visible"), 80, "a part is visible"),
        (folder(100, is_released=False), 80, None),
        (folder(23, is_released=False), 1, "let go"),
        (folder(25, is_released=False), 1, None),
        (folder(23), 1, None),
        (folder(-5), 0, "younger"),
    ],
)
def test_what_stays_and_why(found: RunFolder, older_than_h: float, reason: str | None) -> None:
    said = why_kept(found, older_than_s=older_than_h * 3600, now_us=NOW_US)
    assert said is None if reason is None else reason in (said or "")


def test_lease_of_a_removal_makes_a_folder_no_younger() -> None:
    old = folder(100).objects
    fresh = [StoredObject(name=n, size_bytes=1, modified_us=NOW_US) for n in own(7)]
    found = folder(objects=(*old, *fresh), removal_epochs=frozenset({7}))
    assert why_kept(found, older_than_s=3600, now_us=NOW_US) is None
    assert not found.is_emptied
    alone = folder(objects=tuple(fresh), removal_epochs=frozenset({7}))
    assert alone.is_emptied
    assert why_kept(alone, older_than_s=3600, now_us=NOW_US) is not None


def own(epoch: int) -> list[str]:
    return [NAMES.heartbeat_name(epoch), NAMES.lease_name(epoch)]


EVERYTHING = [
    *own(1),
    *own(2),
    *own(9),
    NAMES.plan_name,
    NAMES.manifest_name,
    NAMES.part_name(0),
    NAMES.part_name(1),
    NAMES.segment_name(0, 1, 5),
    NAMES.segment_name(3, 1, 0),
    NAMES.segment_name(0, 2, 0),
    f"{NAMES.run_folder}/probe-12",
    f"{NAMES.run_folder}/journal/odd",
]


def test_the_order_in_which_objects_go() -> None:
    assert removal_stages(NAMES, EVERYTHING, kept_epoch=9) == [
        [NAMES.manifest_name],
        [f"{NAMES.run_folder}/journal/odd"],
        [NAMES.segment_name(0, 1, 5), NAMES.segment_name(3, 1, 0)],
        [NAMES.segment_name(0, 2, 0)],
        [NAMES.part_name(0), NAMES.part_name(1)],
        [f"{NAMES.run_folder}/probe-12"],
        [NAMES.plan_name],
        [NAMES.lease_name(1), NAMES.lease_name(2)],
        [NAMES.heartbeat_name(1), NAMES.heartbeat_name(2)],
    ]


def test_the_last_lease_goes_after_its_heartbeat() -> None:
    assert removal_stages(NAMES, own(9), kept_epoch=None) == [
        [NAMES.heartbeat_name(9)],
        [NAMES.lease_name(9)],
    ]


@given(st.sets(st.sampled_from(EVERYTHING)), st.sampled_from([None, 2, 9]))
def test_each_object_goes_once_but_the_kept_lease(present: set[str], kept: int | None) -> None:
    stages = removal_stages(NAMES, present, kept_epoch=kept)
    names = [name for stage in stages for name in stage]
    spared = set(own(kept)) if kept else set()
    assert sorted(names) == sorted(present - spared)
    assert all(stages)


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_name_tells_its_run(name: str) -> None:
    assert parse_run_key(name) == NAMES.run_key


@pytest.mark.parametrize(
    "name", ["", "a.parquet", "_aimlapi/notes.txt", f"_aimlapi/{'ab' * 15}/plan.json", "_SUCCESS"]
)
def test_other_names_tell_none(name: str) -> None:
    assert parse_run_key(name) is None
