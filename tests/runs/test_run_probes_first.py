"""A run that starts with a probe, as after parking: the other calls follow once it is answered."""

from __future__ import annotations

import pytest

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, ApiUnavailable
from tests.runs.conftest import Workplace, script, texts_table


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429-free-tier", ApiUnavailable),
        ("500-maintenance", ApiUnavailable),
        ("503-empty", ApiUnavailable),
        ("403-key-limit", AccessRefused),
    ],
)
def test_probe_costs_one_call_and_ends_the_run(
    place: Workplace, kind: str, error: type[ApiError]
) -> None:
    """The API accepts nothing."""
    place.sim.follow(script(faults=(Fault(kind=kind),)))
    place.write(texts_table(500))
    with pytest.raises(error) as caught:
        place.run(starts_with_probe=True)
    assert caught.value.status == int(kind[:3])
    assert len(place.sim.ledger.requests) == 1
    assert place.paid_prompts() == []


def test_first_answer_lets_the_others_go_and_is_kept(place: Workplace) -> None:
    place.write(texts_table(500))
    report = place.run(starts_with_probe=True)
    assert (report.tally.ok, report.requests) == (500, 500)
    assert len(set(place.paid_prompts())) == len(place.paid_prompts()) == 500


@pytest.mark.parametrize("kind", ["400", "no-choices"])
def test_unanswerable_first_row_does_not_make_the_run_wait(place: Workplace, kind: str) -> None:
    place.sim.follow(script(faults=(Fault(kind=kind, contains="Ticket 0."),)))
    place.write(texts_table(40))
    report = place.run(starts_with_probe=True)
    assert (report.tally.ok, report.tally.rejected) == (39, 1)


def test_failure_after_first_answer_is_waited_out_as_ever(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="503", after=20, times=5),)))
    place.write(texts_table(60))
    assert place.run(starts_with_probe=True).tally.ok == 60
