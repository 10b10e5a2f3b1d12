"""Refusals by 401 to 405 and redirects: another row decides whether the row or the key is refused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Fault, Latency
from airflow_provider_aimlapi.errors import AccessRefused, TooManyRejections
from tests.runs.conftest import KEY, Workplace, expected, script, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

PAGE = "<html><head><title>Request blocked</title></head><body>Ticket text</body></html>"
STATUSES = [401, 402, 403, 404, 405, 302, 307]


def blocked(contains: str, status: int = 403, **where: Any) -> Fault:
    """What a firewall answers."""
    return Fault(
        kind="raw", status=status, content_type="text/html", body=PAGE, contains=contains, **where
    )


def statuses(place: Workplace) -> dict[int, str]:
    return {
        number: info["status"]
        for number, info in enumerate(place.result()["completion_info"].to_pylist())
    }


def refused_calls(place: Workplace) -> int:
    return sum(300 <= record.status < 406 for record in place.sim.ledger.requests)


@pytest.mark.parametrize("concurrency", [1, 4, 256])
@pytest.mark.parametrize("status", STATUSES)
def test_a_row_that_a_firewall_refuses_is_rejected_alone(
    place: Workplace, status: int, concurrency: int
) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 13.", status),)))
    place.write(texts_table(30))
    report = place.run(max_concurrency=concurrency)
    assert (report.tally.ok, report.tally.rejected) == (29, 1)
    info = place.result()["completion_info"].to_pylist()[13]
    assert (info["status"], info["attempts"]) == ("rejected", 2)
    assert info["error"] == f"HTTP {status}: Request blocked"
    assert (refused_calls(place), len(place.paid_prompts())) == (2, 29)


@pytest.mark.parametrize("concurrency", [1, 4, 256])
@pytest.mark.parametrize("number", [0, 1, 28, 29])
def test_first_and_last_row_may_be_the_refused_one(
    place: Workplace, number: int, concurrency: int
) -> None:
    place.sim.follow(script(faults=(blocked(f"Ticket {number}."),)))
    place.write(texts_table(30))
    assert place.run(max_concurrency=concurrency).tally.rejected == 1
    assert statuses(place)[number] == "rejected"


def run_until_decided(place: Workplace, **arguments: Any) -> RunSummary:
    """Run again if the row that was sent alone was refused, too; how calls overlap decides that."""
    try:
        return place.run(**arguments)
    except AccessRefused:
        return place.run(**arguments)


@pytest.mark.parametrize("concurrency", [1, 2, 4, 16, 256])
def test_several_refused_rows_are_each_decided(place: Workplace, concurrency: int) -> None:
    place.sim.follow(script(faults=(blocked("7."),)))
    place.write(texts_table(100))
    run = place.run if concurrency <= 4 else partial(run_until_decided, place)
    report = run(max_concurrency=concurrency, max_rejected_rows=10)
    assert (report.tally.ok, report.tally.rejected) == (90, 10)
    assert [number for number, status in statuses(place).items() if status == "rejected"] == [
        *range(7, 100, 10)
    ]
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 90
    more = 0 if concurrency <= 4 else 4  # of a second attempt
    assert 20 <= refused_calls(place) <= 20 + more


@pytest.mark.parametrize("concurrency", [4, 256])
def test_rows_refused_with_different_statuses_are_each_decided(
    place: Workplace, concurrency: int
) -> None:
    faults = (blocked("Ticket 3.", 403), blocked("Ticket 17.", 405), blocked("Ticket 25.", 404))
    place.sim.follow(script(faults=faults))
    place.write(texts_table(60))
    report = place.run(max_concurrency=concurrency)
    assert (report.tally.ok, report.tally.rejected) == (57, 3)
    errors = [info["error"] for info in place.result()["completion_info"].to_pylist()]
    assert [errors[number][:8] for number in (3, 17, 25)] == ["HTTP 403", "HTTP 405", "HTTP 404"]


@pytest.mark.parametrize("concurrency", [1, 4, 256])
def test_refusal_that_passes_costs_a_try_and_no_row(place: Workplace, concurrency: int) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 13.", times=1),)))
    place.write(texts_table(30))
    report = place.run(max_concurrency=concurrency)
    assert report.tally.ok == 30
    assert place.result()["completion_info"].to_pylist()[13]["attempts"] == 2


@pytest.mark.parametrize("status", STATUSES)
def test_run_with_all_rows_refused_ends_and_rejects_none(place: Workplace, status: int) -> None:
    place.sim.follow(script(faults=(blocked("", status),)))
    place.write(texts_table(5_000))
    with pytest.raises(AccessRefused, match="One other row was refused, too") as caught:
        place.run(max_rejected_rows=None, max_concurrency=64)
    assert caught.value.status == status
    assert len(place.sim.ledger.requests) <= 65  # those in flight, and one
    place.sim.follow(script())
    assert place.run().tally.ok == 5_000


def test_the_text_of_a_403_names_three_causes(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="403"),)))
    place.write(texts_table(50))
    with pytest.raises(AccessRefused) as caught:
        place.run(max_concurrency=1)
    text = str(caught.value)
    for word in ("HTTP 403", "One other row was refused, too", "credit", "key", "firewall"):
        assert word in text
    assert len(place.sim.ledger.requests) == 2


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_a_key_revoked_in_the_middle_rejects_no_row(place: Workplace, concurrency: int) -> None:
    place.sim.follow(script(faults=(Fault(kind="401", after=100),)))
    place.write(texts_table(300))
    with pytest.raises(AccessRefused, match="valid key"):
        place.run(max_concurrency=concurrency, max_rejected_rows=None)
    paid = len(place.paid_prompts())
    assert paid == 100
    assert refused_calls(place) <= concurrency + 1
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=concurrency, max_rejected_rows=None)
    place.sim.follow(script())
    assert place.run().tally.ok == 300
    assert len(place.paid_prompts()) == len(set(place.paid_prompts())) == 300


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_key_revoked_after_refused_rows_were_rejected_ends_run(
    place: Workplace, concurrency: int
) -> None:
    place.sim.follow(script(faults=(blocked("7."), Fault(kind="403", after=200))))
    place.write(texts_table(500))
    with pytest.raises(AccessRefused, match="One other row was refused, too"):
        place.run(max_concurrency=concurrency, max_rejected_rows=None)
    assert len(place.paid_prompts()) == 200
    place.sim.follow(script(faults=(blocked("7."),)))
    report = place.run(max_concurrency=concurrency)
    assert (report.tally.ok, report.tally.rejected) == (450, 50)
    assert [number for number, status in statuses(place).items() if status == "rejected"] == [
        *range(7, 500, 10)
    ]
    assert len(place.paid_prompts()) == 450


def test_refused_row_is_not_sent_again_by_later_attempt(place: Workplace) -> None:
    faults = (blocked("Ticket 3."), Fault(kind="401", after=20))
    place.sim.follow(script(faults=faults))
    place.write(texts_table(60))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=1)
    place.sim.follow(script())
    report = place.run()
    assert (report.tally.ok, report.tally.rejected) == (59, 1)
    assert report.reused == 21


def test_refused_rows_are_sent_again_if_asked(place: Workplace) -> None:
    place.write(texts_table(60))
    place.sim.follow(script(faults=(blocked("7."),)))
    with pytest.raises(TooManyRejections, match="max_rejected_rows allows 2"):
        place.run(max_rejected_rows=2)
    place.sim.follow(script())
    report = place.run(retry_rejected=True)
    assert (report.tally.ok, report.tally.rejected) == (60, 0)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_refused_neighbours_end_one_attempt_and_not_the_next(
    place: Workplace, concurrency: int
) -> None:
    """The second was the other row. The next attempt sends both after another row's answer."""
    place.sim.follow(script(faults=tuple(blocked(f"Ticket {n}.") for n in (3, 4, 5, 6))))
    place.write(texts_table(60))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=concurrency)
    for _ in range(3):
        try:
            report = place.run(max_concurrency=concurrency)
            break
        except AccessRefused:
            continue
    assert (report.tally.ok, report.tally.rejected) == (56, 4)


def test_a_run_of_one_row_ends_with_the_refusal(place: Workplace) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 0."),)))
    place.write(texts_table(1))
    for _ in range(2):
        with pytest.raises(AccessRefused, match="No other row is left"):
            place.run(max_rejected_rows=None)
    assert len(place.sim.ledger.requests) == 2


def test_run_with_all_rows_refused_ends_every_try(place: Workplace) -> None:
    place.sim.follow(script(faults=(blocked("Ticket"),)))
    place.write(texts_table(10))
    for _ in range(3):
        with pytest.raises(AccessRefused, match="One other row was refused, too"):
            place.run(max_rejected_rows=None)
    place.sim.follow(script())
    assert place.run().tally.ok == 10


@pytest.mark.parametrize("is_account_fine", [True, False])
def test_when_only_refused_rows_are_left_the_account_decides(
    place: Workplace, is_account_fine: bool
) -> None:
    """As after a kill: all other rows were answered by an earlier attempt."""
    place.write(texts_table(30))
    faults = (blocked("Ticket 28."), blocked("Ticket 29."))
    account = Fault(kind="401", path="/v1/key")
    place.sim.follow(script(faults=faults))
    with pytest.raises(AccessRefused):
        place.run(max_concurrency=1)
    place.sim.follow(script(faults=faults if is_account_fine else (*faults, account)))
    if is_account_fine:
        report = place.run()
        assert (report.tally.ok, report.tally.rejected) == (28, 2)
    else:
        with pytest.raises(AccessRefused, match="One other row was refused, too"):
            place.run()
    assert len(place.paid_prompts()) == 28


@pytest.mark.parametrize("kind", ["503", "429", "disconnect-unbilled", "html-200"])
def test_a_call_that_was_to_decide_may_fail_otherwise(place: Workplace, kind: str) -> None:
    times = (
        1 if kind == "html-200" else 2
    )  # a third page would only be risked once others are answered
    trouble = Fault(kind=kind, contains="Ticket 4.", times=times)
    place.sim.follow(script(faults=(blocked("Ticket 3."), trouble)))
    place.write(texts_table(40))
    report = place.run(max_concurrency=1)
    assert (report.tally.ok, report.tally.rejected) == (39, 1)


def test_a_wrong_row_is_no_other_row(place: Workplace) -> None:
    """A 400 says nothing about the key."""
    faults = (blocked("Ticket 3."), Fault(kind="422", contains="Ticket 4."))
    place.sim.follow(script(faults=faults))
    place.write(texts_table(40))
    report = place.run(max_concurrency=1)
    assert (report.tally.ok, report.tally.rejected) == (38, 2)


def test_max_attempts_of_one_sends_no_row_again(place: Workplace) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 3."), Fault(kind="400", contains="Ticket 9."))))
    place.write(texts_table(40))
    report = place.run(max_attempts=1)
    assert (report.tally.ok, report.tally.rejected) == (38, 2)
    infos = place.result()["completion_info"].to_pylist()
    assert [infos[number]["attempts"] for number in (3, 9)] == [1, 1]


def test_slow_call_in_flight_is_kept_and_waited_for(place: Workplace) -> None:
    slow = Fault(kind="slow", contains="Ticket 0.", delay_s=1.0)
    quick = Latency(median_s=0.01)
    place.sim.follow(script(faults=(blocked("Ticket 3."), slow), latency=quick))
    place.write(texts_table(400))
    report = place.run(max_concurrency=16)
    assert (report.tally.ok, report.tally.rejected) == (399, 1)
    result = place.result()
    assert result["completion"].to_pylist()[0] == expected(result["body"].to_pylist()[0])
    assert len(place.paid_prompts()) == 399


def test_refused_probe_ends_the_run_and_moves_on(
    place: Workplace,
) -> None:
    """The next attempt probes with another row."""
    place.sim.follow(script(faults=(blocked("", times=1),)))
    place.write(texts_table(40))
    with pytest.raises(AccessRefused):
        place.run(starts_with_probe=True)
    (refused,) = place.sim.ledger.requests
    place.run(starts_with_probe=True)
    prompts = [str(record.prompt_sha256) for record in place.sim.ledger.requests[1:]]
    assert prompts[0] != refused.prompt_sha256
    assert sorted(prompts) == sorted(set(prompts))
    assert len(prompts) == 40


def test_no_key_is_in_what_a_refusal_says(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="raw", status=403, body=f"key {KEY} is bad"),)))
    place.write(texts_table(10))
    with pytest.raises(AccessRefused) as caught:
        place.run()
    assert KEY not in str(caught.value)
    assert KEY not in caught.value.in_full


@pytest.mark.parametrize("status", [400, 406, 410, 418, 451])
def test_4xx_that_passes_costs_a_try_and_no_row(place: Workplace, status: int) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 3.", status, times=1),)))
    place.write(texts_table(8))
    assert place.run().tally.ok == 8
    assert place.result()["completion_info"].to_pylist()[3]["attempts"] == 2


@pytest.mark.parametrize("status", [413, 422])
def test_4xx_about_request_itself_rejects_its_row_at_once(place: Workplace, status: int) -> None:
    place.sim.follow(script(faults=(blocked("Ticket 3.", status),)))
    place.write(texts_table(20))
    assert place.run().tally.rejected == 1
    assert place.result()["completion_info"].to_pylist()[3]["attempts"] == 1
