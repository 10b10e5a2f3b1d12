"""The end of runs whose rows never succeed: whole runs with default settings, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.errors import ApiUnavailable, TooManyRejections
from lab.simulation.failing_api import (
    FAILURES,
    OUTAGE_S,
    Failure,
    Outage,
    Tries,
    tries_at,
)
from lab.simulation.failing_scenarios import HOLDS, no_call_is_allowed

UNREAD_MAX = 3
ROWS = 1_500
"""Of a sweep: six batches of the reader."""
ENDED_LATER_S = 4200.0
"""From the start to the end of a second try: two stalls of up to 15 minutes, a pause, an outage."""


def some_of(rows: int, share: float, kind: Failure, seed: int = 3) -> dict[int, Failure]:
    random = Random(seed)
    return {row: kind for row in range(rows) if random.random() < share}


def rows_at(place: str, count: int) -> list[int]:
    """So many of a run's rows, one after another or far apart."""
    if place == "apart":
        return list(range(7, ROWS, ROWS // count))[:count]
    first = {"start": 0, "middle": 700, "end": ROWS - count}[place]
    return list(range(first, first + count))


def assert_published(run: Tries, *, tries: int) -> None:
    """Every good row was answered once, the bad ones are rejected, within so many tries."""
    assert isinstance(run.ends[-1], RunSummary), run.ends
    assert run.rejected() == sorted(run.api.bad)
    assert sorted(run.api.answered) == [row for row in range(run.rows) if row not in run.api.bad]
    assert len(run.ends) <= tries


# A row that fails while others are answered.


@pytest.mark.parametrize("kind", ["500", "broken"])
def test_failing_row_is_rejected_after_max_attempts(kind: Failure) -> None:
    """Other rows are answered meanwhile."""
    run = tries_at(6_000, bad={7: kind, 40: kind}, max_concurrency=32)
    run.until_published()
    assert_published(run, tries=1)
    assert run.calls_of(run.api.bad) == [8, 8]


@pytest.mark.parametrize(("concurrency", "answer_s"), [(1, 1.5), (2, 10.0), (4, 20.0)])
def test_calls_are_counted_exactly_where_few_are_in_flight(
    concurrency: int, answer_s: float
) -> None:
    run = tries_at(400, bad={20: "500"}, max_concurrency=concurrency, answer_s=answer_s)
    run.until_published()
    assert_published(run, tries=1)
    assert run.calls_of(run.api.bad) == [8]


def test_row_slower_than_time_out_uses_up_eight_attempts() -> None:
    run = tries_at(2_500, bad={10: "slow"}, max_concurrency=4, answer_s=4.0)
    run.until_published()
    assert_published(run, tries=1)
    assert run.calls_of([10]) == [8]


def test_row_that_is_always_unreadable_is_bought_three_times() -> None:
    run = tries_at(3_000, bad={7: "page"})
    run.until_published()
    assert_published(run, tries=1)
    assert run.calls_of([7]) == [UNREAD_MAX]


def test_failures_are_counted_over_all_tries() -> None:
    """The first try ends at its budget, and the journal hands the count on.

    Two failures may not count: the last before that end, and the one before the second try's first
    answer.
    """
    run = tries_at(6_000, bad={7: "500"}, max_concurrency=16, max_attempts=60)
    run.settings = replace(run.settings, max_cost_usd=2.0)
    first = run.until_published(1)
    assert not isinstance(first, RunSummary)
    sent = run.calls_of([7])[0]
    run.settings = replace(run.settings, max_cost_usd=None, max_attempts=sent + 2)
    run.until_published(1)
    assert_published(run, tries=2)
    assert sent < run.calls_of([7])[0] <= sent + 4


# Only failing rows are left.


@pytest.mark.parametrize("kind", FAILURES)
def test_a_poison_row_does_not_block_twenty_thousand(kind: Failure) -> None:
    run = tries_at(2_000, bad={1_400: kind})
    run.until_published()
    assert_published(run, tries=2)
    assert run.ended_s[-1] < ENDED_LATER_S


@pytest.mark.attack
@pytest.mark.parametrize("kind", FAILURES)
def test_half_a_percent_of_poison_rows_blocks_no_run(kind: Failure) -> None:
    """The run has 20,000 rows."""
    run = tries_at(20_000, bad=some_of(20_000, 0.005, kind))
    run.until_published()
    assert_published(run, tries=2)
    assert run.ended_s[-1] < ENDED_LATER_S


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("pause_s", [0.0, 300.0])
@pytest.mark.parametrize("stall_timeout_s", [60.0, 600.0])
def test_failing_rows_left_over_are_rejected_by_try_two(
    kind: Failure, pause_s: float, stall_timeout_s: float
) -> None:
    bad = {290: kind, 295: kind, 299: kind}
    run = tries_at(300, bad=bad, max_concurrency=32, stall_timeout_s=stall_timeout_s)
    run.until_published(pause_s=pause_s)
    assert_published(run, tries=2)


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("concurrency", [4, 32])
def test_block_of_failing_rows_at_the_end_is_rejected(kind: Failure, concurrency: int) -> None:
    """More than can wait beside those in flight: a try does not see all of them at once."""
    run = tries_at(300, bad=dict.fromkeys(range(270, 300), kind), max_concurrency=concurrency)
    run.until_published()
    assert_published(run, tries=2)


def assert_rejected_by_the_second_try(
    kind: Failure, concurrency: int, count: int, place: str
) -> None:
    bad = dict.fromkeys(rows_at(place, count), kind)
    run = tries_at(ROWS, bad=bad, max_concurrency=concurrency, answer_s=0.5)
    run.until_published()
    assert_published(run, tries=2)


@pytest.mark.parametrize(
    ("kind", "concurrency", "count", "place"),
    [
        ("slow", 32, 100, "start"),
        ("broken", 32, 100, "start"),
        ("slow", 8, 100, "end"),
        ("page", 1, 30, "start"),
        ("page", 1, 30, "middle"),
        ("500", 1, 100, "middle"),
        ("slow", 1, 30, "end"),
        ("slow", 256, 100, "apart"),
    ],
)
def test_failing_rows_anywhere_are_rejected_by_the_second_try(
    kind: Failure, concurrency: int, count: int, place: str
) -> None:
    """Also where they come before all good ones, or are more than can wait beside those in flight."""
    assert_rejected_by_the_second_try(kind, concurrency, count, place)


@pytest.mark.attack
@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("concurrency", [1, 8, 32, 256])
@pytest.mark.parametrize("count", [1, 30, 100])
@pytest.mark.parametrize("place", ["start", "middle", "end", "apart"])
def test_a_sweep_of_failing_rows_is_rejected(
    kind: Failure, concurrency: int, count: int, place: str
) -> None:
    assert_rejected_by_the_second_try(kind, concurrency, count, place)


@pytest.mark.parametrize("kind", FAILURES)
def test_later_try_decides_if_it_is_the_first_answered(kind: Failure) -> None:
    """The tries before it fell into an outage."""
    run = tries_at(300, bad={290: kind, 299: kind}, outage=Outage(after_answers=1))
    run.api.outage_s = 0.0
    run.until_published()
    answered = sum(end_s > OUTAGE_S for end_s in run.ended_s)
    assert_published(run, tries=4)
    assert answered == 1


def test_a_run_of_more_pages_than_may_wait_ends() -> None:
    run = tries_at(ROWS, max_concurrency=1, max_rejected_rows=None)
    run.api.bad = dict.fromkeys(range(ROWS), "page")
    run.until_published()
    assert [type(end) for end in run.ends] == [ApiUnavailable] * 5


def test_a_thousand_slow_rows_at_the_end_are_rejected() -> None:
    run = tries_at(12_000, bad=dict.fromkeys(range(11_000, 12_000), "slow"))
    run.until_published()
    assert_published(run, tries=2)


def test_more_of_them_than_may_be_rejected_say_so() -> None:
    run = tries_at(300, bad={290: "500", 299: "500"}, max_concurrency=32, max_rejected_rows=1)
    assert isinstance(run.until_published(), TooManyRejections)
    assert len(run.ends) == 2


@pytest.mark.parametrize("kind", FAILURES)
def test_a_parked_run_obeys_the_same_rule(kind: Failure) -> None:
    run = tries_at(300, bad={290: kind, 295: kind, 299: kind}, max_concurrency=32)
    run.until_published(8, parks=True)
    assert_published(run, tries=3)
    assert run.calls[-1] - run.calls[0] <= 4, "a look is one call, and each row's last is one"


@pytest.mark.parametrize("kind", FAILURES)
def test_run_of_one_failing_row_ends_as_unavailable(kind: Failure) -> None:
    run = tries_at(1, bad={0: kind}, max_rejected_rows=None)
    run.until_published()
    assert [type(end) for end in run.ends] == [ApiUnavailable] * 5
    assert kind != "page" or len(run.api.bought) == UNREAD_MAX


def test_unreadable_answers_are_bought_three_times_over_all_tries() -> None:
    run = tries_at(40, bad=dict.fromkeys(range(40), "page"), max_rejected_rows=None)
    run.until_published()
    assert [type(end) for end in run.ends] == [ApiUnavailable] * 5
    assert max(run.calls_of(run.api.bad)) == UNREAD_MAX


# Outages.


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("is_total", [False, True])
@pytest.mark.parametrize("max_attempts", [1, 8])
@pytest.mark.parametrize("pause_s", [0.0, 300.0])
@pytest.mark.parametrize("after", [150, 270])
def test_an_outage_of_twenty_minutes_rejects_no_row(
    kind: Failure, max_attempts: int, pause_s: float, after: int, *, is_total: bool
) -> None:
    """In the middle of a run, or with its last rows."""
    run = tries_at(
        300,
        outage=Outage(after_answers=after, kind=kind, is_total=is_total),
        max_concurrency=16,
        max_attempts=max_attempts,
        max_rejected_rows=None,
    )
    run.until_published(pause_s=pause_s)
    assert_published(run, tries=4)


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("concurrency", [1, 8, 32, 256])
def test_an_outage_at_the_start_rejects_no_row(kind: Failure, concurrency: int) -> None:
    run = tries_at(
        300,
        outage=Outage(after_answers=1, kind=kind),
        max_concurrency=concurrency,
        max_attempts=1,
        max_rejected_rows=None,
    )
    run.api.outage_s = 0.0
    run.until_published()
    assert_published(run, tries=4)


@pytest.mark.parametrize("kind", FAILURES)
def test_a_call_sent_in_an_outage_blames_no_row(kind: Failure) -> None:
    """It may time out when others are answered again."""
    run = tries_at(
        60,
        outage=Outage(after_answers=30, kind=kind, is_total=False),
        answer_s=0.5,
        max_concurrency=4,
        max_attempts=1,
        max_rejected_rows=None,
        stall_timeout_s=3600.0,
    )
    run.until_published()
    assert_published(run, tries=1)


@pytest.mark.parametrize("kind", FAILURES)
def test_slow_answers_from_before_an_outage_blame_no_row(kind: Failure) -> None:
    """Calls on their way are answered for a minute while all new ones fail."""
    outage = Outage(after_answers=100, kind=kind, is_total=False)
    run = tries_at(300, outage=outage, max_concurrency=64, answer_s=60.0, max_rejected_rows=None)
    run.until_published()
    assert_published(run, tries=3)


@pytest.mark.parametrize("kind", FAILURES)
def test_outage_beside_a_poison_row_blames_the_poison_alone(kind: Failure) -> None:
    run = tries_at(
        600,
        bad={30: kind, 560: kind},
        outage=Outage(after_answers=500),
        max_concurrency=32,
        max_rejected_rows=None,
    )
    run.until_published()
    assert_published(run, tries=4)


def test_an_outage_leaves_a_refused_row_its_second_call() -> None:
    """Its calls that failed in the outage are no word on it."""
    run = tries_at(
        60,
        outage=Outage(after_answers=20),
        max_concurrency=4,
        max_attempts=2,
        stall_timeout_s=3600.0,
    )
    run.api.refused_once = {22}
    run.until_published()
    assert_published(run, tries=1)
    assert run.calls_of([22])[0] >= 4


# What is no stall.


def test_one_broken_connection_ends_no_run_of_slow_answers() -> None:
    run = tries_at(60, answer_s=700, sigma=0.01, max_concurrency=16, request_timeout_s=900.0)
    run.api.broken = {3: 50.0, 7: 640.0, 20: 1.0}
    run.until_published()
    assert_published(run, tries=1)


def test_reset_of_all_connections_does_not_end_it_either() -> None:
    run = tries_at(60, answer_s=700, sigma=0.01, max_concurrency=16, request_timeout_s=900.0)
    run.api.broken = dict.fromkeys(range(16), 300.0) | {18: 605.0}
    run.until_published()
    assert_published(run, tries=1)


@pytest.mark.parametrize("seed", range(len(HOLDS)))
def test_time_without_allowed_calls_is_no_stall(seed: int) -> None:
    """The store, or the right to pay alone, is away for longer than `stall_timeout_s`."""
    assert no_call_is_allowed(seed) == ()


# The opening.


@pytest.mark.parametrize(
    ("rows", "share", "concurrency"), [(2_000, 0.07, 256), (9_000, 0.01, 4_000)]
)
def test_refusals_that_overtake_answers_do_not_end_a_run(
    rows: int, share: float, concurrency: int
) -> None:
    run = tries_at(rows, bad=some_of(rows, share, "400"), max_concurrency=concurrency)
    run.until_published()
    assert_published(run, tries=1)


def test_run_ends_if_its_first_rows_are_all_rejected() -> None:
    """It buys nothing more."""
    run = tries_at(5_000, bad=dict.fromkeys(range(5_000), "400"), max_rejected_rows=None)
    assert isinstance(run.until_published(), TooManyRejections)
    assert run.api.bought == []
    assert len(run.api.sent) <= 600


def test_slowly_rejected_first_rows_end_a_run_cheaply() -> None:
    """It ends after few paid calls."""
    run = tries_at(5_000, bad=dict.fromkeys(range(16), "400"), max_rejected_rows=None)
    assert isinstance(run.until_published(), TooManyRejections)
    assert len(run.api.bought) <= run.settings.max_concurrency
