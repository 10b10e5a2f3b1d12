"""`airflow-aimlapi clean` over runs that were divided among workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.engine.blocking import plan_job, run_job
from airflow_provider_aimlapi.engine.settings import Settings
from tests.commands.conftest import grow_old, names_in, run_folder

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

SETTINGS = Settings(max_cost_usd=10.0)
CLEAN = ("--older-than", "1h", "--yes")


@pytest.fixture
def run_key(place: Workplace) -> str:
    """A run of three shares, of which two are done."""
    assert plan_job(place.job(), SETTINGS, 3) == 3
    reports = [run_job(place.job(), SETTINGS, share=share) for share in (0, 1)]
    return reports[0].run_key


@pytest.mark.parametrize(("epoch", "stays"), [(1, True), (2, True), (None, False)])
def test_runs_stay_while_a_share_may_work(
    place: Workplace, run_key: str, epoch: int | None, *, stays: bool
) -> None:
    """It may be any share: the end of another one does not show that this one has ended."""
    if epoch is not None:
        heartbeat = f"{run_folder(place, run_key)}/heartbeat/{epoch:08d}"
        place.fs.pipe_file(heartbeat, b'{"state":"running","beat":7,"has_run":true}')
    names = names_in(place, run_key)
    grow_old(place.output, days=0.9)
    assert main(["clean", place.output, *CLEAN]) == 0
    kept = names_in(place, run_key)
    assert kept == (names if stays else ["heartbeat/00000003", "lease/00000003"])


def test_later_attempt_at_the_run_replaces_shares(place: Workplace, run_key: str) -> None:
    heartbeat = f"{run_folder(place, run_key)}/heartbeat/00000001"
    place.fs.pipe_file(heartbeat, json.dumps({"state": "released", "beat": 7}).encode())
    place.run()
    place.run(place.job(prompt="Another: {body}"))
    grow_old(place.output, days=0.9)
    assert main(["clean", place.output, *CLEAN]) == 0
    assert names_in(place, run_key) == ["heartbeat/00000004", "lease/00000004"]


def test_a_removed_run_is_divided_and_paid_for_anew(place: Workplace, run_key: str) -> None:
    paid = place.sim.ledger.billed_calls
    grow_old(place.output, days=2)
    assert main(["clean", place.output, *CLEAN]) == 0
    assert plan_job(place.job(), SETTINGS, 2) == 2
    for share in (0, 1):
        run_job(place.job(), SETTINGS, share=share)
    report = place.run(max_cost_usd=10.0)
    assert (report.run_key, report.requests, report.tally.ok) == (run_key, 0, 60)
    assert place.sim.ledger.billed_calls - paid == 60
