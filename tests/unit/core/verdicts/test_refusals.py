"""Who is to blame for a refusal, by the order of calls and answers alone."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.core.verdicts.refusals import (
    TRANSITIONS,
    UNDECIDED_MIN,
    Door,
    Event,
    Refusals,
    Suspect,
)


def refuse(
    refusals: Refusals[str],
    row: str,
    number: int,
    sent: int,
    *,
    in_flight: int = 0,
    **changes: Any,
) -> Door:
    """A call is refused when so many had been sent; returns how the door is then."""
    suspect = Suspect(row=row, **({"status": 403, "number": number, "sent": sent} | changes))
    refusals.add_refused(suspect, in_flight=in_flight)
    return refusals.door


def names(suspects: list[Suspect[str]]) -> list[str]:
    return [suspect.row for suspect in suspects]


def known() -> Refusals[str]:
    """A door at which a 403 was a row's own."""
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "first", 1, 1)
    assert names(refusals.count_answer(2)) == ["first"]
    assert refusals.door is Door.KNOWN
    return refusals


def test_each_state_but_the_last_has_all_outcomes() -> None:
    assert {door for door, _ in TRANSITIONS} == {Door.OPEN, Door.SHUT, Door.KNOWN}
    assert [event for (_, event), door in TRANSITIONS.items() if door is Door.LOCKED] == [
        Event.ALONE
    ]


def test_first_refusal_shuts_the_door_and_the_row_waits() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 3, 5)
    assert (refusals.door, names(refusals.waiting)) == (Door.SHUT, ["a"])


def test_another_rows_answer_opens_the_door_for_the_first() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 3, 5)
    assert names(refusals.count_answer(6)) == ["a"]
    assert (refusals.door, refusals.waiting) == (Door.KNOWN, [])


@pytest.mark.parametrize("status", [403, 401])
def test_another_row_that_is_refused_alone_locks_it(status: int) -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 3, 5)
    refuse(refusals, "b", 6, 6, status=status)
    assert (refusals.door, names(refusals.waiting)) == (Door.LOCKED, ["a", "b"])


def test_rows_refused_in_flight_lock_nothing() -> None:
    refusals: Refusals[str] = Refusals()
    for number in range(1, 6):
        refuse(refusals, f"{number}", number, 5)
    assert refusals.door is Door.SHUT
    assert len(refusals.count_answer(6)) == 5


def test_answer_to_call_that_was_sent_before_frees_nothing() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 3, 5)
    assert refusals.count_answer(1) == refusals.count_answer(2) == []
    assert refusals.door is Door.SHUT


def test_two_answers_are_evidence_and_one_is_not() -> None:
    """All calls were in flight together."""
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 1, 9)
    assert refusals.count_answer(2) == []
    assert names(refusals.count_answer(3)) == ["a"]
    assert refusals.door is Door.KNOWN


def test_calls_that_overtook_others_do_not_outvote_many_refusals() -> None:
    """A key that is revoked while calls are on their way: they may arrive in another order."""
    refusals: Refusals[str] = Refusals()
    for number in (4, 6, 7, 8, 9):
        refuse(refusals, f"{number}", number, 9)
    assert [refusals.count_answer(number) for number in (1, 2, 3, 5)] == [[]] * 4
    assert refusals.door is Door.SHUT


def test_a_known_status_shuts_nothing_while_few_are_undecided() -> None:
    refusals = known()
    for number in range(UNDECIDED_MIN):
        assert refuse(refusals, f"{number}", 10 + number, 10 + number) is Door.KNOWN
    assert refuse(refusals, "more", 20, 20) is Door.SHUT


def test_more_calls_in_flight_may_leave_more_undecided() -> None:
    refusals = known()
    for number in range(64):
        door = refuse(refusals, f"{number}", 10 + number, 10 + number, in_flight=256)
        assert door is Door.KNOWN
    assert refuse(refusals, "more", 99, 99, in_flight=256) is Door.SHUT


def test_another_status_shuts_the_door_again() -> None:
    refusals = known()
    refuse(refusals, "a", 5, 5, status=401)
    assert refusals.door is Door.SHUT


def test_row_with_its_own_refusal_locks_nothing_again() -> None:
    refusals = known()
    refuse(refusals, "b", 5, 5, status=401)
    refuse(refusals, "first", 6, 6, own=1)
    assert refusals.door is Door.SHUT
    assert names(refusals.count_answer(7)) == ["b", "first"]


def test_rows_of_earlier_attempt_go_one_for_each_answer() -> None:
    refusals: Refusals[str] = Refusals()
    refusals.add_undecided("a")
    refusals.add_undecided("b")
    assert names(refusals.count_answer(1)) == ["a"]
    assert names(refusals.count_answer(2)) == ["b"]
    assert refusals.door is Door.OPEN


def test_row_of_an_earlier_attempt_is_no_other_row() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 1, 1)
    refuse(refusals, "b", 2, 2, was_refused=True)
    assert refusals.door is Door.SHUT


def test_the_only_row_of_a_run_decides_nothing() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 1, 1)
    assert refusals.without_others(1) == ([], False)


def test_last_row_is_to_blame_once_others_were_answered() -> None:
    refusals: Refusals[str] = Refusals()
    refusals.count_answer(1)
    refuse(refusals, "a", 2, 2)
    suspects, is_own = refusals.without_others(2)
    assert (names(suspects), is_own) == (["a"], True)
    refuse(refusals, "a", 3, 3, own=1)
    suspects, is_own = refusals.without_others(3)
    assert (names(suspects), is_own) == (["a"], True)


def test_two_last_rows_count_as_each_others_other_row() -> None:
    refusals: Refusals[str] = Refusals()
    refusals.count_answer(1)
    refuse(refusals, "a", 2, 3)
    refuse(refusals, "b", 3, 3)
    suspects, is_own = refusals.without_others(3)
    assert (names(suspects), is_own) == (["a"], False)
    refuse(refusals, "a", 4, 4)
    assert refusals.door is Door.LOCKED


def test_answered_last_row_frees_the_other_one() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 2, 3)
    refuse(refusals, "b", 3, 3)
    refusals.without_others(3)
    assert names(refusals.count_answer(4)) == ["b"]


def test_last_rows_that_were_outvoted_are_to_blame() -> None:
    refusals: Refusals[str] = Refusals()
    refuse(refusals, "a", 2, 5)
    refuse(refusals, "b", 4, 5)
    for number in (1, 3, 5):
        assert refusals.count_answer(number) == []
    suspects, is_own = refusals.without_others(5)
    assert (names(suspects), is_own) == (["a", "b"], True)


def test_last_rows_refused_in_an_earlier_attempt_are_blamed() -> None:
    refusals: Refusals[str] = Refusals()
    refusals.count_answer(1)
    refuse(refusals, "a", 2, 3, was_refused=True)
    refuse(refusals, "b", 3, 3, was_refused=True)
    assert refusals.without_others(3)[1]


def test_what_was_vouched_for_stays_so() -> None:
    refusals: Refusals[str] = Refusals()
    for number, row in enumerate("ab", start=1):
        refuse(refusals, row, number, 2)
    assert names(refusals.vouch_for_rows(for_all=True)) == ["a", "b"]
    for number, row in enumerate("ab", start=3):
        refuse(refusals, row, number, 4)
    assert refusals.without_others(4)[1]
