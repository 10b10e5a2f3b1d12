"""Refused rows and revoked keys, alone and together, in virtual time: who is blamed, and what it costs."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.errors import AccessRefused, AimlapiError
from tests.attacks.refusing_api import Attempts, attempts_at

ATTEMPTS_MAX = 12
STATUSES = [401, 402, 403, 404, 405, 302]


def rejected_rows(run: Attempts) -> list[int]:
    parts = sorted(name for name in run.store.objects if "/parts/" in name)
    infos: list[dict[str, str]] = []
    for name in parts:
        infos += pq.read_table(pa.BufferReader(run.store.objects[name]))[
            "completion_info"
        ].to_pylist()
    return [row for row, info in enumerate(infos) if info["status"] == "rejected"]


def assert_published(run: Attempts, found: RunSummary | AimlapiError) -> None:
    """Each row was paid for once, or is refused and was rejected; no other."""
    assert isinstance(found, RunSummary), found
    refused = sorted(run.api.refused)
    assert rejected_rows(run) == refused
    assert sorted(run.api.answered) == [row for row in range(run.rows) if row not in refused]


def until_published(run: Attempts) -> tuple[RunSummary | AimlapiError, int]:
    """Attempts that a person makes, each after having looked at the last one's error."""
    found = run.attempt()
    count = 1
    while isinstance(found, AccessRefused) and count < ATTEMPTS_MAX:
        found = run.attempt()
        count += 1
    return found, count


def some_of(rows: int, share: float, seed: int) -> dict[int, int]:
    random = Random(seed)  # noqa: S311  # a seeded choice
    return {row: 403 for row in range(rows) if random.random() < share}


@pytest.mark.parametrize("concurrency", [1, 4, 16, 64, 256])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.05, 0.1])
def test_refused_rows_are_rejected_and_no_other(share: float, concurrency: int) -> None:
    refused = some_of(400, share, seed=concurrency)
    run = attempts_at(400, concurrency=concurrency, refused=refused)
    found, _ = until_published(run)
    assert_published(run, found)
    assert len(run.api.refusals) <= 2 * len(refused) + 4


@pytest.mark.parametrize("concurrency", [16, 256])
def test_one_percent_of_refused_rows_costs_no_time(concurrency: int) -> None:
    rows = 20 * concurrency
    plain = attempts_at(rows, concurrency=concurrency, seed=5).attempt()
    run = attempts_at(rows, concurrency=concurrency, seed=5, refused=some_of(rows, 0.01, 1))
    found = run.attempt()
    assert_published(run, found)
    assert isinstance(plain, RunSummary)
    assert isinstance(found, RunSummary)
    assert found.elapsed_s < 1.3 * plain.elapsed_s + 10


@pytest.mark.attack
def test_hundred_thousand_rows_with_thousand_refused_cost_no_time() -> None:
    plain = attempts_at(100_000, seed=3).attempt()
    run = attempts_at(100_000, seed=3, refused=some_of(100_000, 0.01, 7))
    found = run.attempt()
    assert_published(run, found)
    assert isinstance(plain, RunSummary)
    assert isinstance(found, RunSummary)
    assert found.elapsed_s < 1.05 * plain.elapsed_s


@pytest.mark.parametrize("concurrency", [1, 8, 64])
@pytest.mark.parametrize("closes_at", [0, 1, 50, 199])
@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_revoked_key_rejects_no_row(share: float, closes_at: int, concurrency: int) -> None:
    run = attempts_at(
        200,
        concurrency=concurrency,
        refused=some_of(200, share, seed=closes_at),
        closes_at=closes_at,
    )
    found = run.attempt()
    if isinstance(found, RunSummary):  # it was through with all others
        assert_published(run, found)
        return
    assert isinstance(found, AccessRefused)
    refusals = len(run.api.refusals)
    assert isinstance(run.attempt(), AccessRefused)
    assert len(run.api.refusals) <= refusals + concurrency + 1
    run.api.closes_at = None
    assert_published(run, until_published(run)[0])


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("concurrency", [1, 2, 256])
def test_refused_rows_at_end_are_decided_in_few_attempts(count: int, concurrency: int) -> None:
    """No row is left to be the other one: then the account is."""
    refused = dict.fromkeys(range(40 - count, 40), 403)
    run = attempts_at(40, concurrency=concurrency, refused=refused)
    found, attempts = until_published(run)
    assert_published(run, found)
    assert attempts <= (2 if concurrency > 2 else 1 + (count + 1) // 2)


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("concurrency", [1, 40])
def test_key_revoked_at_the_end_rejects_no_row(concurrency: int, status: int) -> None:
    run = attempts_at(40, concurrency=concurrency, refused={3: status}, closes_at=30)
    for _ in range(3):
        assert isinstance(run.attempt(), AccessRefused)
    run.api.closes_at = None
    assert_published(run, run.attempt())


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 60),
    concurrency=st.sampled_from([1, 2, 3, 8, 64]),
    refused=st.dictionaries(st.integers(0, 59), st.sampled_from(STATUSES), max_size=8),
    closes_at=st.none() | st.integers(0, 80),
    seed=st.integers(0, 2**16),
)
def test_whatever_is_refused_blame_falls_on_the_refused(
    rows: int,
    concurrency: int,
    refused: dict[int, int],
    closes_at: int | None,
    seed: int,
) -> None:
    """While the key is revoked, nothing but a row that is refused anyway is rejected."""
    refused = {row: status for row, status in refused.items() if row < rows}
    run = attempts_at(
        rows, seed=seed, concurrency=concurrency, refused=refused, closes_at=closes_at
    )
    found = run.attempt()
    if isinstance(found, RunSummary):
        assert_published(run, found)
        return
    assert isinstance(found, AccessRefused)
    assert "No other row" in str(found) or "One other row" in str(found)
    run.api.closes_at = None
    last = until_published(run)[0]
    assert len(run.api.answered) == len(set(run.api.answered))
    if isinstance(last, RunSummary):
        assert rejected_rows(run) == sorted(refused)
    else:  # rows with statuses of which the account knows nothing, and no row answered beside them
        assert len(run.api.answered) == rows - len(refused)
