"""Hostile answers, each to one or two rows of a dozen, in whole runs over real sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.hostile import body_cases, connection_cases, encoding_cases, framing_cases, stream_cases
from lab.hostile.case import (
    ALWAYS_ROW,
    COST_USD,
    KEY,
    MEMORY_BYTES_MAX,
    ONCE_ROW,
    ROWS,
    Case,
    right_answer,
)

if TYPE_CHECKING:
    from tests.lab.hostile.conftest import Runs

CASES = (
    *framing_cases.CASES,
    *connection_cases.CASES,
    *encoding_cases.CASES,
    *body_cases.CASES,
    *stream_cases.CASES,
)
HOSTILE_ROWS = {ONCE_ROW, ALWAYS_ROW}
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def states(rows: list[dict[str, Any]]) -> dict[int, tuple[str, int]]:
    """Status and attempts of the rows that were answered in a hostile way."""
    infos = {row["row"]: row["completion_info"] for row in rows}
    return {row: (infos[row]["status"], infos[row]["attempts"]) for row in HOSTILE_ROWS}


def costs_of(case: Case, row: int) -> set[float | None]:
    """What a row may say it cost: of a hostile one two or three answers were bought, if they said so."""
    if row not in HOSTILE_ROWS:
        return {COST_USD}
    return {2 * COST_USD, 3 * COST_USD} if case.tells_cost else {None, COST_USD}


def test_no_two_cases_share_a_name() -> None:
    assert len({case.path for case in CASES}) == len(CASES) >= 30


@each_case
def test_run_ends_without_lost_or_mixed_up_rows(case: Case, runs: Runs) -> None:
    told = runs.told[case.name]
    if told.unavailable is not None:
        assert case.ends == "asked again"
        assert told.rows() == []
        kept = told.kept()
        assert set(range(ROWS)) - kept.keys() <= HOSTILE_ROWS
        assert ALWAYS_ROW not in kept
        assert kept == {row: right_answer(row) for row in kept}
        return
    assert "error" not in told.result, told.result
    rows = told.rows()
    assert [row["row"] for row in rows] == list(range(ROWS))
    for row in rows:
        is_rejected = row["completion_info"]["status"] == "rejected"
        assert row["completion"] == (None if is_rejected else right_answer(row["row"]))
        assert not is_rejected or row["row"] in HOSTILE_ROWS
        assert row["completion_info"]["cost_usd"] in costs_of(case, row["row"])


@each_case
def test_row_ends_correctly_with_a_readable_reason(case: Case, runs: Runs) -> None:
    told = runs.told[case.name]
    if told.unavailable is not None:
        own_words = case.words.partition(": ")[0]  # what follows is quoted for the row alone
        assert re.search(own_words, told.unavailable)
        return
    rows = told.rows()
    found = states(rows)
    if case.ends == "read":
        assert found == {ONCE_ROW: ("ok", 1), ALWAYS_ROW: ("ok", 1)}
    else:
        assert {row: status for row, (status, _) in found.items()} == {
            ONCE_ROW: "ok",
            ALWAYS_ROW: "rejected",
        }
        assert min(attempts for _, attempts in found.values()) >= 2
    reason = rows[ALWAYS_ROW]["completion_info"]["error"]
    assert re.search(case.words, reason) if case.words else reason is None
    assert reason is None or (reason.isprintable() and len(reason) <= 500)


@each_case
def test_memory_grows_by_less_than_the_limit(case: Case, runs: Runs) -> None:
    growth = runs.told[case.name].result["growth"]
    print(f"{case.name}: {growth / 1024 / 1024:.1f} MB")  # noqa: T201
    assert growth < MEMORY_BYTES_MAX


@each_case
def test_nothing_of_the_key_is_told_or_written(case: Case, runs: Runs) -> None:
    told = runs.told[case.name]
    assert KEY not in repr(told)
    for file in told.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_nothing_of_the_key_is_logged(runs: Runs) -> None:
    assert runs.log
    assert KEY not in runs.log
    assert "Traceback" not in runs.log


def test_nothing_is_sent_elsewhere(runs: Runs) -> None:
    assert runs.elsewhere_connections == 0
