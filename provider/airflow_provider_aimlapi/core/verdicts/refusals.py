"""Decides by another row's result if a refusal concerns one row or all rows. Pure.

A firewall in front of the API answers 403 to one row because of its text. A revoked key, missing
credit or a wrong model give the same answer to every row. The error texts are not reliable, so they
are not read. If a later call is answered, the refusal concerned its row only. If a second row is
refused and no call between the two was answered, it concerns all rows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")

REFUSALS_MAX = 2
"""A row is rejected after this many refusals that concerned it alone."""
UNDECIDED_MIN = 3
UNDECIDED_SHARE = 4
"""With a known status, the door shuts when more refusals are undecided than this, and than one in
four calls in flight. With twice as many, more calls would be wasted after the key was revoked. With
half as many, rows of which a tenth are refused would stop all others."""


class Door(Enum):
    """The way in which calls are admitted."""

    OPEN = "open"  # freely: there was no refusal
    SHUT = "shut"  # one at a time, the first when none is in flight
    KNOWN = "known"  # freely: refusals with a known status concern one row each
    LOCKED = "locked"  # not at all: the run ends


class Event(Enum):
    """The events that may change the door."""

    NEW_STATUS = "refused with a status that was no row's own before"
    KNOWN_STATUS = "refused with a status that was a row's own before"
    CROWD = "the same, and too many refusals are undecided"
    ALONE = "another row refused, sent alone while the door was shut"
    ANSWERED = "answered, sent after the refusal"
    NO_OTHER = "no other row is left, one of the refused is sent alone"


TRANSITIONS: dict[tuple[Door, Event], Door] = {
    (Door.OPEN, Event.NEW_STATUS): Door.SHUT,
    (Door.OPEN, Event.NO_OTHER): Door.SHUT,
    (Door.SHUT, Event.NEW_STATUS): Door.SHUT,
    (Door.SHUT, Event.KNOWN_STATUS): Door.SHUT,
    (Door.SHUT, Event.CROWD): Door.SHUT,
    (Door.SHUT, Event.NO_OTHER): Door.SHUT,
    (Door.SHUT, Event.ALONE): Door.LOCKED,
    (Door.SHUT, Event.ANSWERED): Door.KNOWN,
    (Door.KNOWN, Event.NEW_STATUS): Door.SHUT,
    (Door.KNOWN, Event.KNOWN_STATUS): Door.KNOWN,
    (Door.KNOWN, Event.CROWD): Door.SHUT,
    (Door.KNOWN, Event.NO_OTHER): Door.SHUT,
    (Door.KNOWN, Event.ANSWERED): Door.KNOWN,
}


@dataclass(slots=True, kw_only=True, eq=False)
class Suspect(Generic[T]):
    """A row that waits because its call was refused.

    Attributes:
        row: the caller's name for it.
        status: of the answer.
        number: of the call, counted from 1; 0 for a row that only an earlier attempt has sent.
        sent: the calls of all rows up to the refusal.
        own: earlier refusals of the row that concerned it alone.
        was_refused: whether an earlier attempt was refused this row, too, and did not decide.
        answers_after: answered calls that were sent after its own.
    """

    row: T
    status: int = 0
    number: int = 0
    sent: int = 0
    own: int = 0
    was_refused: bool = False
    answers_after: int = 0


@dataclass(slots=True)
class Refusals(Generic[T]):
    """The refused rows of an attempt, and the door.

    Attributes:
        waiting: the undecided rows, in the order of their refusals.
        answers: calls that were answered with a completion.
    """

    door: Door = Door.OPEN
    waiting: list[Suspect[T]] = field(default_factory=list)
    answers: int = 0
    # Statuses of refusals that concerned one row. With one of these, others go on.
    _known: set[int] = field(default_factory=set)
    # The calls of all rows when the door shut. Later ones were sent alone.
    _shut_at: int = 0
    # The account has shown that key and credit are fine, so each refusal concerns its own row.
    _is_vouched_for: bool = False
    # Only refused rows are left, and one of them was sent alone to decide about the others.
    _is_last_try: bool = False

    def add_undecided(self, row: T) -> None:
        """Add a row that an earlier attempt left undecided. It waits until another is answered."""
        self.waiting.append(Suspect(row=row, was_refused=True))

    def add_refused(self, suspect: Suspect[T], *, in_flight: int) -> None:
        """Add a row whose call was refused. The door may shut or be locked."""
        # A row that an earlier attempt was refused is likely to be refused again, whatever the
        # cause. So it proves nothing about the key, unless no other row is left.
        is_other = self._is_last_try or not suspect.was_refused
        is_alone = self.door is Door.SHUT and suspect.number > self._shut_at and is_other
        self.waiting.append(suspect)
        if suspect.own:  # the refusal was expected
            return
        if is_alone:
            self._turn_door(Event.ALONE, suspect.sent)
        elif suspect.status not in self._known:
            self._turn_door(Event.NEW_STATUS, suspect.sent)
        else:
            undecided = sum(not (each.own or _is_old(each)) for each in self.waiting)
            is_crowd = undecided > max(UNDECIDED_MIN, in_flight // UNDECIDED_SHARE)
            self._turn_door(Event.CROWD if is_crowd else Event.KNOWN_STATUS, suspect.sent)

    def count_answer(self, number: int) -> list[Suspect[T]]:
        """Count a completion. Return the rows that need not wait any longer.

        Each answer releases only one of the rows that an earlier attempt left. Two of them, refused
        one after the other, would lock the door.

        Args:
            number: of the call, counted from 1.
        """
        self.answers += 1
        if not self.waiting and self.door is not Door.SHUT:
            return []
        for each in self.waiting:
            each.answers_after += number > each.number
        shown = [each for each in self._outvoted_rows(lead=1, number=number) if not _is_old(each)]
        self._learn_statuses(shown)
        gone = [*shown, *[each for each in self.waiting if _is_old(each)][:1]]
        self._drop_rows(gone)
        is_settled = bool(shown) and all(each.own or _is_old(each) for each in self.waiting)
        if self.door is Door.SHUT and (number > self._shut_at or is_settled):
            self._turn_door(Event.ANSWERED, number)
        return gone

    def without_others(self, sent: int) -> tuple[list[Suspect[T]], bool]:
        """Decide if no other row is left to send and none is in flight.

        1. Rows that only an earlier attempt has sent are sent now, one after the other.
        2. The refusals concerned their rows alone in three cases. As many of the calls sent since
           were answered as refused. Or this attempt had answers, and an earlier attempt was refused
           all rows that are left. Or only one row is left, and others were answered.
        3. One row is left, and none was answered: there is no decision.
        4. Two or more rows are left, which can decide about each other: one is sent alone.

        Args:
            sent: calls of all rows.

        Returns:
            The rows to send, and whether their refusals concerned them alone. If there are no rows,
            the run ends.
        """
        old = [each for each in self.waiting if _is_old(each)]
        if old:
            self._drop_rows(old[:1])
            return old[:1], False
        outvoted = self._outvoted_rows(lead=0)
        doubtful = [each for each in self.waiting if not (each.own or each in outvoted)]
        is_repeated = all(each.was_refused for each in self.waiting)
        is_shown = self.answers and (is_repeated or len(doubtful) == 1)
        if self._is_vouched_for or not doubtful or is_shown:
            return self.vouch_for_rows(), True
        if len(doubtful) == 1:
            return [], False
        self._turn_door(Event.NO_OTHER, sent)
        self._is_last_try = True
        self._drop_rows(doubtful[:1])
        return doubtful[:1], False

    def vouch_for_rows(self, *, for_all: bool = False) -> list[Suspect[T]]:
        """Return all waiting rows, because their refusals are known to concern them alone.

        Args:
            for_all: whether that is known of later refusals, too.
        """
        self._is_vouched_for |= for_all
        shown, self.waiting = self.waiting, []
        self._learn_statuses(shown)
        if self.door is Door.SHUT:
            self._turn_door(Event.ANSWERED, 0)
        return shown

    def _learn_statuses(self, shown: list[Suspect[T]]) -> None:
        self._known.update(each.status for each in shown if not _is_old(each))

    def _drop_rows(self, gone: list[Suspect[T]]) -> None:
        self.waiting = [each for each in self.waiting if each not in gone]

    def _outvoted_rows(self, *, lead: int, number: int = 0) -> list[Suspect[T]]:
        """Return the rows whose refusals concerned them alone.

        1. A call that was sent after the refusal was answered.
        2. Or more of the calls that were sent since the row's own were answered than refused. A
           revoked key would have refused these, too. Calls may overtake each other, so one answer
           alone proves nothing.

        Args:
            lead: how many more must have been answered.
            number: of a call that was answered.
        """
        numbers = sorted(each.number for each in self.waiting)
        return [
            each
            for each in self.waiting
            if number > each.sent
            or each.answers_after >= lead + len(numbers) - bisect_left(numbers, each.number)
        ]

    def _turn_door(self, event: Event, sent: int) -> None:
        door = TRANSITIONS[self.door, event]
        if door is Door.SHUT and self.door is not Door.SHUT:
            self._shut_at = sent
        self.door = door
        self._is_last_try &= door is Door.SHUT


def _is_old(suspect: Suspect[T]) -> bool:
    """Return whether only an earlier attempt was refused the row."""
    return suspect.number == 0
