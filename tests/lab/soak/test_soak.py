"""Two short rounds of real processes. `make soak ROUNDS=20` plays more, chosen at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.soak.round_plan import Round, Step, Times, round_of, script
from lab.soak.servers import s3_server
from lab.soak.soak_round import play, tails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.soak.soak_round import Result


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3") / "s3.log") as url:
        yield url


def short_round(*steps: Step, times: Times | None = None, answer_s: float = 0.1) -> Round:
    """Three files, 260 rows, no fault of the API's."""
    return Round(
        seed=1,
        file_rows=(120, 100, 40),
        row_group_rows=50,
        times=times or Times(),
        script=script(1, answer_s),
        steps=steps,
    )


def played(plan: Round, s3_url: str, folder: Path) -> Result:
    result = play(plan, s3_url, folder)
    assert result.violations == (), tails(folder)
    return result


def test_kill_and_freeze_cost_no_more_than_the_risk(s3_url: str, tmp_path: Path) -> None:
    result = played(
        short_round(
            Step(kind="kill", share=0.3),
            Step(kind="freeze", share=0.6, thaw_after=9),
            times=Times(lease_ttl_s=1.0, request_timeout_s=2.0),
        ),
        s3_url,
        tmp_path,
    )
    assert (result.counts.kills, result.counts.freezes) == (1, 1)
    assert result.counts.attempts == 3


def test_twins_and_a_stop_cost_nothing(s3_url: str, tmp_path: Path) -> None:
    result = played(
        short_round(
            Step(kind="twin", share=0.1),
            Step(kind="term", share=0.6, is_awaited=False),
            times=Times(max_concurrency=8, request_timeout_s=5.0),
            answer_s=0.5,  # on a loaded machine, a faster first attempt ends before its twin begins
        ),
        s3_url,
        tmp_path,
    )
    assert (result.counts.twins, result.counts.terms, result.leases) == (1, 1, 3)
    assert result.spending.twice == result.spending.bound == 0


def test_a_seed_is_a_round() -> None:
    assert round_of(7) == round_of(7)
    assert len({round_of(seed).rows for seed in range(20)}) > 10
    assert {step.kind for seed in range(20) for step in round_of(seed).steps} == {
        "kill",
        "term",
        "pause",
        "freeze",
        "twin",
    }
