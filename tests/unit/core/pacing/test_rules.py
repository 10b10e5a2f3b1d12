from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent
from airflow_provider_aimlapi.core.pacing.evidence import Likeness, Mark
from airflow_provider_aimlapi.core.pacing.reach import Reach
from airflow_provider_aimlapi.core.pacing.rules import RULES, cut_to_accepted
from airflow_provider_aimlapi.core.pacing.window import open_window
from lab.limits.rule_table import rule_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.pacing.window import Window

PAGE = Path(__file__).parents[4] / "provider/docs/limits.md"
HELD = Reach(height=20.0, step=1.0, hold_s=8.0, doubling_s=0.25, age_s=4.0)
OFTEN_REFUSED = replace(HELD, disturbed=1)
KNOWN = replace(open_window(256), level=HELD, mark=Mark(at_s=90.0, accepted=900))
WIDE = replace(KNOWN, level=replace(HELD, height=100.0))


def episode(*, level: int, height: int = 20, refused: int = 1, in_flight: int = 25) -> Episode:
    """Ten calls sent in a tenth of a second, the first of them refused."""
    first = Sent(
        number=1000, at_s=99.9, level=level, is_full=level >= height, is_beyond=level > height
    )
    seen = Seen(now_s=100.0, in_flight=in_flight, admitted=1009, throttled=10, sent_per_s=20.0)
    return Episode(first=first, seen=seen, refused=refused)


@pytest.mark.parametrize(
    ("number", "window", "met"),
    [
        (0, KNOWN, episode(level=20, refused=6)),
        (1, KNOWN, episode(level=20, refused=6, in_flight=9)),
        (2, replace(WIDE, likeness=Likeness(left=24, times=1)), episode(level=25, height=100)),
        (3, replace(WIDE, pace=OFTEN_REFUSED), episode(level=25, height=100)),
        (4, replace(WIDE, pace=HELD), episode(level=25, height=100)),
        (5, KNOWN, episode(level=40)),
        (6, KNOWN, episode(level=21)),
        (7, replace(KNOWN, level=OFTEN_REFUSED), episode(level=20)),
        (8, replace(KNOWN, doubts=3, doubted_s=99.0), episode(level=20)),
        (9, KNOWN, episode(level=20)),
    ],
)
def test_episode_meets_its_rule(number: int, window: Window, met: Episode) -> None:
    """It is the first that holds, so its row of the table says what follows."""
    assert cut_to_accepted(window, met)[1] == RULES[number].name
    noted = (
        window if met.is_surprise else replace(window, likeness=window.likeness.after_episode(met))
    )
    assert [rule.holds(noted, met) for rule in RULES[: number + 1]] == [False] * number + [True]


def test_docs_page_prints_the_table_of_rules() -> None:
    assert "\n".join(rule_table()) in PAGE.read_text()
