from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.pacing.reach import DISTURBED_MAX, Patience, Reach

KNOWN = Reach(height=100.0, step=1.0, hold_s=8.0, doubling_s=0.5)
ALONE = Patience(hold_s_min=0.5, hold_s_max=30.0, doubling_s=2.0)
TOGETHER = Patience(hold_s_min=4.0, hold_s_max=4.0, doubling_s=0.5)


@pytest.mark.parametrize(
    ("age_s", "allowed"), [(0, 100), (7.9, 100), (8, 101), (8.5, 102), (9, 104), (11.5, 228)]
)
def test_height_is_held_then_exceeded_by_twice_as_much(age_s, allowed):
    assert KNOWN.aged_by(age_s).allowed_now == pytest.approx(allowed)


@given(ages_s=st.lists(st.floats(0, 1e9), max_size=20))
def test_allowed_level_never_shrinks_with_time_and_is_finite(ages_s):
    allowed = [KNOWN.aged_by(age_s).allowed_now for age_s in sorted(ages_s)]
    assert allowed == sorted(allowed)
    assert all(one < 1e15 for one in allowed)


def cut(reach: Reach, height: float) -> Reach:
    return reach.cut_to(height, step=1.0, alone=ALONE, together=TOGETHER)


def test_limit_met_again_is_left_alone_twice_as_long() -> None:
    """There is an upper bound."""
    holds_s = []
    reach = KNOWN
    for _ in range(4):
        reach = cut(reach.aged_by(reach.hold_s), 101.0)
        holds_s.append(reach.hold_s)
    assert holds_s == [16.0, 30.0, 30.0, 30.0]


def test_corrected_height_is_as_known_as_before() -> None:
    touched = cut(KNOWN.aged_by(9.0), 130.0)
    assert touched.hold_s == 0.5
    assert cut(touched.aged_by(0.4), 101.0).hold_s == 16.0


def shared(times: int = 2) -> Reach:
    """Disturbed so often in the midst of a hold."""
    reach = cut(KNOWN.aged_by(8.0), 100.0)
    for _ in range(times):
        reach = cut(reach.aged_by(0.9 * reach.hold_s), reach.height - 1.0)
    return reach


def test_whoever_is_disturbed_twice_shares_the_limit() -> None:
    climbed = cut(KNOWN.aged_by(8.0), 100.0)
    once = climbed.aged_by(5.0)
    assert (once.is_disturbed, once.is_shared) == (True, False)
    assert cut(once, 99.0).aged_by(5.0).is_shared


@pytest.mark.parametrize("height", [4.0, 40.0, 400.0])
def test_sharing_workers_wait_and_grow_alike(height):
    """Or whoever has more would look for more sooner, and get it."""
    after = cut(shared().aged_by(3.9), height)
    assert (after.hold_s, after.doubling_s) == (TOGETHER.hold_s_min, TOGETHER.doubling_s)


@pytest.mark.parametrize("times", [2, 50])
def test_company_that_has_gone_is_forgotten(times):
    reach = shared(times)
    for _ in range(DISTURBED_MAX):
        reach = cut(reach.aged_by(reach.hold_s), 100.0)
    assert reach.hold_s > TOGETHER.hold_s_max
    assert reach.doubling_s == ALONE.doubling_s


def test_limit_that_is_touched_in_between_is_not_shared() -> None:
    once = cut(cut(KNOWN.aged_by(8.0), 100.0).aged_by(5.0), 99.0)
    touched = cut(once.aged_by(once.hold_s), 99.0)
    assert not touched.aged_by(8.0).is_shared


@pytest.mark.parametrize("height", [50.0, 89.0, 111.0, 400.0])
def test_another_height_is_doubted_soon(height):
    assert cut(KNOWN.aged_by(8.0), height).hold_s == 0.5


def test_a_cut_begins_anew() -> None:
    after = cut(KNOWN.aged_by(20.0), 60.0)
    assert (after.age_s, after.allowed_now) == (0.0, 60.0)
