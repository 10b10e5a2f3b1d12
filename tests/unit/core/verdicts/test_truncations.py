from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.verdicts.truncations import Truncations


@pytest.mark.parametrize("allowed", [0, 1, 19])
def test_one_more_than_allowed_ends_the_run(allowed: int) -> None:
    truncations = Truncations(allowed=allowed)
    assert [truncations.count_truncated() for _ in range(allowed)] == [None] * allowed
    assert truncations.count_truncated() is not None


def test_sums_of_earlier_attempts_count_and_are_named() -> None:
    truncations = Truncations(allowed=10)
    assert truncations.count_truncated(4) is None
    assert truncations.count_truncated(6) is None
    reason = truncations.count_truncated(7)
    assert reason is not None
    assert reason.startswith("Raise max_truncated_rows ")
    assert "17 answers were truncated, and max_truncated_rows allows 10" in reason


def test_one_answer_is_named_in_the_singular() -> None:
    assert "1 answer was truncated" in (Truncations(allowed=0).count_truncated() or "")
