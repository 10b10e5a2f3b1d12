"""Whether a refusal is its row's own or everybody's: another row decides. Pure.

A firewall in front of the API answers 403 to one row for its text. A revoked key, no credit, a wrong
model: they answer every row so. The texts are no guide, and none is read here. A call that is sent
after the refused one and answered shows that the refusal was the row's own. A second row that is
refused, and none answered between the two, shows that it was not.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")

REFUSALS_MAX = 2
"""A row is rejected after so many refusals that were its own."""
UNDECIDED_MIN = 3
UNDECIDED_SHARE = 4
"""With a known status, refusals shut the door when more are undecided than this many, and than one
of so many calls in flight. Twice as many would be sent in vain once the key is revoked; with half of
it, rows of which a tenth are refused would stop the others."""


class Door(Enum):
    """How calls are admitted."""

    OPEN = "open"  # freely: no refusal was met
    SHUT = "shut"  # one at a time, the first when none is in flight
    KNOWN = "known"  # freely: refusals with a known status are their rows' own
    LOCKED = "locked"  # not at all: the run ends


class Event(Enum):
    """What happens at the door."""

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
        row: whatever the caller knows it by.
        status: of the answer.
        number: of the call, counted from 1; 0 for a row that only an earlier attempt has sent.
        sent: calls of all rows when the refusal came.
        own: earlier refusals of the row that were its own.
        was_refused: whether an earlier attempt was refused the row, too, and left it undecided.
        answers_after: calls sent after its own and answered.
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
        waiting: rows that nothing is known of yet, in the order of their refusals.
        answers: calls answered with a completion.
    """

    door: Door = Door.OPEN
    waiting: list[Suspect[T]] = field(default_factory=list)
    answers: int = 0
    _known: set[int] = field(default_factory=set)
    _shut_at: int = 0
    _is_vouched_for: bool = False
    _is_last_try: bool = False

    def wait(self, row: T) -> None:
        """Let a row wait that an earlier attempt left undecided, until another is answered."""
        self.waiting.append(Suspect(row=row, was_refused=True))

    def refused(self, suspect: Suspect[T], *, in_flight: int) -> None:
        """Let a row wait whose call was refused; the door may shut, or be locked."""
        is_other = self._is_last_try or not suspect.was_refused
        is_alone = self.door is Door.SHUT and suspect.number > self._shut_at and is_other
        self.waiting.append(suspect)
        if suspect.own:  # it was expected
            return
        if is_alone:
            self._turn(Event.ALONE, suspect.sent)
        elif suspect.status not in self._known:
            self._turn(Event.NEW_STATUS, suspect.sent)
        else:
            undecided = sum(not (each.own or _is_old(each)) for each in self.waiting)
            is_crowd = undecided > max(UNDECIDED_MIN, in_flight // UNDECIDED_SHARE)
            self._turn(Event.CROWD if is_crowd else Event.KNOWN_STATUS, suspect.sent)

    def answered(self, number: int) -> list[Suspect[T]]:
        """Count a completion; return the rows that need not wait for another any more.

        Of rows that an earlier attempt left, one goes for each answer: two that are refused, one
        after the other, would lock the door.

        Args:
            number: of the call, counted from 1.
        """
        self.answers += 1
        if not self.waiting and self.door is not Door.SHUT:
            return []
        for each in self.waiting:
            each.answers_after += number > each.number
        shown = [each for each in self._outvoted(margin=1, number=number) if not _is_old(each)]
        self._learn(shown)
        gone = [*shown, *[each for each in self.waiting if _is_old(each)][:1]]
        self._drop(gone)
        is_settled = bool(shown) and all(each.own or _is_old(each) for each in self.waiting)
        if self.door is Door.SHUT and (number > self._shut_at or is_settled):
            self._turn(Event.ANSWERED, number)
        return gone

    def without_others(self, sent: int) -> tuple[list[Suspect[T]], bool]:
        """Decide when no other row is left to send, and none is in flight.

        1. A row that only an earlier attempt has sent is sent now, one after the other.
        2. Of the calls sent since, as many were answered as refused. Or others were answered in this
           attempt, and an earlier one was refused all that are left. Or only one is left, and others
           were answered. In each case the refusals were the rows' own.
        3. One is left, and none was answered: nothing can be said.
        4. Two rows or more could be the other one for each other: one is sent alone.

        Args:
            sent: calls of all rows.

        Returns:
            The rows to send, and whether their refusals were their own. No rows: the run ends.
        """
        old = [each for each in self.waiting if _is_old(each)]
        if old:
            self._drop(old[:1])
            return old[:1], False
        outvoted = self._outvoted(margin=0)
        doubtful = [each for each in self.waiting if not (each.own or each in outvoted)]
        is_repeated = all(each.was_refused for each in self.waiting)
        is_shown = self.answers and (is_repeated or len(doubtful) == 1)
        if self._is_vouched_for or not doubtful or is_shown:
            return self.vouch(), True
        if len(doubtful) == 1:
            return [], False
        self._turn(Event.NO_OTHER, sent)
        self._is_last_try = True
        self._drop(doubtful[:1])
        return doubtful[:1], False

    def vouch(self, *, for_all: bool = False) -> list[Suspect[T]]:
        """Return all rows that wait: it is known that the refusals were their own.

        Args:
            for_all: whether that is known of later refusals, too.
        """
        self._is_vouched_for |= for_all
        shown, self.waiting = self.waiting, []
        self._learn(shown)
        if self.door is Door.SHUT:
            self._turn(Event.ANSWERED, 0)
        return shown

    def _learn(self, shown: list[Suspect[T]]) -> None:
        self._known.update(each.status for each in shown if not _is_old(each))

    def _drop(self, gone: list[Suspect[T]]) -> None:
        self.waiting = [each for each in self.waiting if each not in gone]

    def _outvoted(self, *, margin: int, number: int = 0) -> list[Suspect[T]]:
        """Return the rows whose refusals were their own.

        A call sent after the refusal was answered. Or, of the calls sent since the row's own, more
        were answered than refused: a key that is revoked would have been so for these, too. They
        may have overtaken each other, so that one alone shows nothing.

        Args:
            margin: by how many more. number: of a call that was answered.
        """
        numbers = sorted(each.number for each in self.waiting)
        return [
            each
            for each in self.waiting
            if number > each.sent
            or each.answers_after >= margin + len(numbers) - bisect_left(numbers, each.number)
        ]

    def _turn(self, event: Event, sent: int) -> None:
        door = TRANSITIONS[self.door, event]
        if door is Door.SHUT and self.door is not Door.SHUT:
            self._shut_at = sent
        self.door = door
        self._is_last_try &= door is Door.SHUT


def _is_old(suspect: Suspect[T]) -> bool:
    """Whether the row was refused in an earlier attempt alone."""
    return suspect.number == 0
