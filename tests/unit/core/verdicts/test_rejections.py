from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.verdicts.rejections import Rejections


@pytest.mark.parametrize("allowed", [0, 1, 19, 50])
def test_one_more_than_allowed_ends_the_run(allowed: int) -> None:
    rejections = Rejections(allowed=allowed)
    assert [rejections.count_rejection("why") for _ in range(allowed)] == [None] * allowed
    assert rejections.count_rejection("why") is not None


def test_the_reason_names_the_limit_and_the_last_rejection() -> None:
    rejections = Rejections(allowed=1)
    assert rejections.count_rejection("first words") is None
    reason = rejections.count_rejection("max_tokens: too large")
    assert reason is not None
    assert "2 rows" in reason
    assert "max_rejected_rows allows 1" in reason
    assert "max_tokens: too large" in reason
    assert "first words" not in reason


@given(allowed=st.integers(0, 60), earlier=st.integers(0, 60), rows=st.integers(0, 60))
def test_no_run_goes_on_with_more_rejections_than_allowed(
    allowed: int, earlier: int, rows: int
) -> None:
    rejections = Rejections(allowed=allowed)
    reasons = [
        rejections.take_over(earlier),
        *[rejections.count_rejection("why") for _ in range(rows)],
    ]
    assert (reasons[-1] is not None) == (earlier + rows > allowed)
