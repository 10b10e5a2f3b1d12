"""Each check of the soak finds its violation."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from lab.soak.checks import spending_of, table_violations
from lab.soak.data_set import answer_to, prompt_name, prompt_of
from lab.soak.servers import Bill
from lab.soak.sightings import Sightings, unknown_names

RUN = f"_aimlapi/{'0f' * 16}"
STAGED = {
    f"{RUN}/plan.json": "1",
    f"{RUN}/lease/00000001": "2",
    f"{RUN}/parts/part-00000.parquet": "3",
}
PUBLISHED = {**STAGED, f"{RUN}/manifest.json": "4"}
SEGMENT = f"{RUN}/journal/00000/00000001-00000000"
MERGED = f"{SEGMENT}-00000007"


def bill(prompt: str, is_lost: bool = False) -> Bill:
    return Bill(prompt=prompt, inference_id="any", is_lost=is_lost)


def violations_of(*looks: tuple[dict[str, str], bytes | None]) -> list[str]:
    sightings = Sightings()
    for objects, manifest in looks:
        sightings.see(objects, manifest)
    return sightings.violations


def test_an_honest_run_shows_nothing_wrong() -> None:
    looks: list[tuple[dict[str, str], bytes | None]] = [
        ({}, None),
        ({**STAGED, SEGMENT: "9", f"{RUN}/heartbeat/00000001": "5"}, None),
        ({**PUBLISHED, SEGMENT: "9", f"{RUN}/heartbeat/00000001": "6"}, b"{}"),
        ({**PUBLISHED, "a-00000.parquet": "7", "_SUCCESS": "8"}, b"{}"),
    ]
    assert violations_of(*looks) == []


def test_merged_segment_may_replace_those_that_it_contains() -> None:
    last = f"{RUN}/journal/00000/00000001-00000007"
    looks = [({SEGMENT: "1", last: "2"}, None), ({MERGED: "3"}, None)]
    assert violations_of(*looks) == []
    assert unknown_names({MERGED}, set()) == []


@pytest.mark.parametrize(
    "other",
    [
        f"{RUN}/journal/00001/00000001-00000000-00000007",
        f"{RUN}/journal/00000/00000002-00000000-00000007",
        f"{RUN}/journal/00000/00000001-00000001-00000007",
    ],
    ids=["of another part", "of another epoch", "of later numbers"],
)
def test_other_merged_segment_replaces_nothing(other: str) -> None:
    (violation,) = violations_of(({SEGMENT: "1"}, None), ({other: "3"}, None))
    assert violation == f"{SEGMENT} has vanished"


@pytest.mark.parametrize(
    ("looks", "violation"),
    [
        ([({**STAGED, "a-00000.parquet": "7"}, None)], "a-00000.parquet is visible"),
        ([(PUBLISHED, b"{}"), (PUBLISHED, b"[]")], "the manifest has changed"),
        ([(PUBLISHED, b"{}"), (STAGED, None)], "the manifest has vanished"),
        ([({SEGMENT: "1"}, None), ({}, None)], "00000001-00000000 has vanished"),
        ([({SEGMENT: "1"}, None), ({SEGMENT: "2"}, None)], "00000001-00000000 has changed"),
        ([(PUBLISHED, b"{}"), ({f"{RUN}/manifest.json": "4"}, b"{}")], "part-00000.parquet has"),
    ],
)
def test_a_broken_promise_is_seen(
    looks: list[tuple[dict[str, str], bytes | None]], violation: str
) -> None:
    assert any(violation in found for found in violations_of(*looks))


def test_names_that_have_no_business_there() -> None:
    known = {*PUBLISHED, SEGMENT, f"{RUN}/heartbeat/00000001", "a-00000.parquet", "_SUCCESS"}
    strange = {"b-00000.parquet", f"{RUN}/parts/part-00000.tmp", "_aimlapi/x/plan.json"}
    assert unknown_names(known | strange, {"a-00000.parquet"}) == sorted(strange)


def test_what_was_at_risk_may_be_paid_twice() -> None:
    bills = [bill("a"), bill("a"), bill("b"), bill("b")]
    spending = spending_of(bills, {"a", "b"}, events=1, at_risk_rows=2)
    assert (spending.twice, spending.bound, spending.violations) == (2, 2, ())


def test_a_lost_answer_may_be_asked_for_again() -> None:
    bills = [bill("a", is_lost=True), bill("a"), bill("b")]
    spending = spending_of(bills, {"a", "b"}, events=0, at_risk_rows=50)
    assert (spending.twice, spending.bound, spending.violations) == (1, 1, ())


@pytest.mark.parametrize(
    ("bills", "events", "violation"),
    [
        (["a", "b", "b"], 0, "only 0 may be"),
        (["a", "b", "b"], 0, "1 rows were paid for more often"),
        (["a", "a", "b", "b", "c", "c"], 1, "only 2 may be"),
        (["a", "a", "a", "b"], 1, "1 rows were paid for more often"),
        (["a"], 1, "1 rows were never paid for"),
        (["a", "b", "c"], 1, "1 unknown prompts were"),
    ],
)
def test_money_that_was_wasted_is_seen(bills: list[str], events: int, violation: str) -> None:
    spending = spending_of(
        [bill(prompt) for prompt in bills], {"a", "b"}, events=events, at_risk_rows=2
    )
    assert any(violation in found for found in spending.violations)


GIVEN = pa.table({"id": [1, 2, 3], "body": ["one", None, "three"]})
PAID = {f"id {body}": prompt_name(prompt_of(body)) for body in ("one", "three")}


def published(**changes: list[Any]) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "id": [1, 2, 3],
        "body": ["one", None, "three"],
        "completion": [answer_to("one"), None, answer_to("three")],
        "completion_info": [
            {"status": "ok", "inference_id": "id one"},
            {"status": "skipped", "inference_id": None},
            {"status": "ok", "inference_id": "id three"},
        ],
    }
    return pa.table({**columns, **changes})


def test_rows_with_their_own_answers_are_in_order() -> None:
    assert table_violations("a", published(), GIVEN, PAID) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"id": [1, 3, 2]}, "the input's columns"),
        ({"completion": [answer_to("three"), None, answer_to("one")]}, "not its own answer"),
        ({"completion": [answer_to("one"), None, None]}, "not its own answer"),
        ({"completion_info": [{"status": "rejected", "inference_id": None}] * 3}, "is rejected"),
        ({"completion_info": [{"status": "ok", "inference_id": "id one"}] * 3}, "row 2 holds"),
    ],
)
def test_a_wrong_row_is_seen(changes: dict[str, list[Any]], violation: str) -> None:
    found = table_violations("a", published(**changes), GIVEN, PAID)
    assert any(violation in text for text in found)


def test_a_missing_row_is_seen() -> None:
    assert table_violations("a", published().slice(0, 2), GIVEN, PAID)
