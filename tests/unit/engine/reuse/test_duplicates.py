"""Rows that repeat a request: which of them are sent, and what the others get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.completion import (
    Outcome,
    Reason,
    rejected_outcome,
    reused_outcome,
)
from airflow_provider_aimlapi.core.calls.several_answers import Answers
from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
from airflow_provider_aimlapi.engine.row import FollowUp, Row
from tests.fakes.paid_run import hash_of, paid_outcome

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import CompletionStatus

QUOTING = answer_schema(
    {
        "type": "object",
        "properties": {"quote": {"type": "string", "quote_of": "body"}},
        "required": ["quote"],
        "additionalProperties": False,
    }
)


class Work:
    """Duplicates, with what they hand over.

    Attributes:
        sent: the rows to be sent, in order.
        given: the outcomes of duplicates, by part.
    """

    def __init__(self, **changes: Any) -> None:
        self.sent: list[Row] = []
        self.given: list[tuple[int, Outcome]] = []
        options = {"is_on": True, "rows": 100, "validator": None} | changes
        self.duplicates = Duplicates(
            keep=lambda part, outcome: self.given.append((part, outcome)), **options
        )
        self.duplicates.release = self.sent.append

    def read(self, *requests: object, part: int = 0) -> list[Row]:
        rows = [row_of(request, row, part) for row, request in enumerate(requests)]
        self.sent += self.duplicates.admit(rows)
        return rows

    def given_rows(self) -> list[tuple[int, int, str | None]]:
        return [(part, one.row, one.same_as) for part, one in self.given]


def row_of(request: object, row: int, part: int = 0, **fields: Any) -> Row:
    body = str(request).encode()
    return Row(part=part, row=row, body=body, request_hash=hash_of(request), **fields)


def rejection_of(row: Row) -> Outcome:
    return rejected_outcome(Reason("no", "no"), row.call_record(1))


def test_first_of_equal_rows_is_sent() -> None:
    work = Work()
    work.read("a", "b", "a", "a")
    assert [row.row for row in work.sent] == [0, 1]
    assert work.duplicates.waiting == 2
    work.duplicates.decided(work.sent[0], paid_outcome(0, "a"))
    assert work.given_rows() == [(0, 2, "0:0"), (0, 3, "0:0")]
    assert {one.text for _, one in work.given} == {paid_outcome(0, "a").text}
    assert work.duplicates.waiting == 0


def test_row_takes_the_answer_to_an_earlier_one() -> None:
    work = Work()
    (first,) = work.read("a", part=3)
    work.duplicates.decided(first, paid_outcome(0, "a"))
    work.read("b", "a", part=4)
    assert [row.row_position for row in work.sent] == [(3, 0), (4, 0)]
    assert work.given_rows() == [(4, 1, "3:0")]


def test_duplicates_hold_the_bytes_of_their_original() -> None:
    first, second = Work().read("a", "a")
    assert second.body is first.body


def test_final_rejection_is_shared_with_later_rows_too() -> None:
    work = Work()
    first, _ = work.read("a", "a")
    work.duplicates.decided(first, rejection_of(first))
    work.read("a", part=1)
    assert [(part, one.status, one.same_as) for part, one in work.given] == [
        (0, "rejected", "0:0"),
        (1, "rejected", "0:0"),
    ]
    assert [one.attempts for _, one in work.given] == [0, 0]


def test_next_duplicate_is_sent_after_another_rejection() -> None:
    work = Work()
    first, second, _, _ = work.read("a", "a", "a", "a")
    work.duplicates.decided(first, rejection_of(first), is_final=False)
    assert work.sent == [first, second]
    assert (work.given, work.duplicates.waiting) == ([], 2)
    work.read("a", part=1)
    assert work.duplicates.waiting == 3
    work.duplicates.decided(second, paid_outcome(1, "a"))
    assert work.given_rows() == [(0, 2, "0:1"), (0, 3, "0:1"), (1, 0, "0:1")]


def test_request_is_sent_again_if_its_rows_all_failed() -> None:
    work = Work()
    (first,) = work.read("a")
    work.duplicates.decided(first, rejection_of(first), is_final=False)
    (later,) = work.read("a", part=1)
    assert work.sent == [first, later]


def test_row_with_an_own_answer_is_sent() -> None:
    """An earlier attempt was killed between an invalid answer and its repair."""
    work = Work()
    completion: Any = object()
    follow_up = FollowUp(first_body=b"a", answers=Answers(completion), repairs=1)
    first, second = row_of("a", 0, follow_up=follow_up), row_of("a", 1)
    third = row_of("a", 2, follow_up=follow_up)
    assert work.duplicates.admit([first, second, third]) == [first, third]
    assert second.body == b"a"
    work.duplicates.decided(third, paid_outcome(2, "a"))
    assert work.given == []
    work.duplicates.decided(first, paid_outcome(0, "a"))
    assert work.given_rows() == [(0, 1, "0:0")]


def test_duplicate_keeps_what_was_paid_for_it() -> None:
    work = Work()
    first, second = row_of("a", 0), row_of("a", 1, unread_cost_nano_usd=70)
    work.duplicates.admit([first, second])
    work.duplicates.decided(first, paid_outcome(0, "a"))
    ((_, given),) = work.given
    assert given.cost_nano_usd == 70


def test_duplicate_of_a_reused_answer_is_reused() -> None:
    work = Work()
    first, _ = work.read("a", "a")
    work.duplicates.decided(first, reused_outcome(paid_outcome(5, "a"), run_key="ab" * 16, row=0))
    ((_, given),) = work.given
    assert (given.row, given.reused_from, given.same_as) == (1, "ab" * 16, None)


@pytest.mark.parametrize(
    ("status", "is_known"),
    [("ok", True), ("truncated", True), ("refused", True), ("invalid", True), ("rejected", False)],
)
def test_earlier_answers_serve_duplicates(status: CompletionStatus, is_known: bool) -> None:
    work = Work()
    outcome = msgspec.structs.replace(paid_outcome(0, "a"), status=status)
    work.duplicates.add_all_earlier([(2, outcome), (3, outcome)])
    work.read("a", part=4)
    assert work.given_rows() == ([(4, 0, "2:0")] if is_known else [])


def test_duplicate_of_an_earlier_attempt_is_no_original() -> None:
    """Its answer is another row's, whose charge may be lost."""
    work = Work()
    (first, _) = work.read("a", "a")
    work.duplicates.decided(first, paid_outcome(0, "a"))
    later = Work()
    later.duplicates.add_earlier(0, work.given[0][1])
    later.read("a")
    assert len(later.sent) == 1


def test_own_answer_makes_no_row_a_duplicate() -> None:
    """It would cost nothing, and its charge would be nowhere."""
    work = Work()
    work.duplicates.add_earlier(2, paid_outcome(1, "a"))
    work.read("b", "a", "a", part=2)
    assert [row.row for row in work.sent] == [0, 1]
    assert work.given_rows() == [(2, 2, "2:1")]


def test_each_row_is_sent_when_it_is_off() -> None:
    work = Work(is_on=False)
    rows = work.read("a", "a")
    work.duplicates.decided(rows[0], paid_outcome(0, "a"))
    assert (work.sent, work.given) == (rows, [])


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("quote", "statuses"), [("x", ["ok", "ok"]), ("x y", ["ok"]), ("z", ["invalid", "invalid"])]
)
def test_quote_must_stand_in_the_rows_own_cell(
    quote: str, statuses: list[str], is_late: bool
) -> None:
    """The cells "x y" and "w", or "x" and "y w", make the same prompt. So do equal cells."""
    validator = AnswerValidator(QUOTING)
    work = Work(validator=validator)
    first = row_of("a", 0, cells={"body": "x y"})
    others = [row_of("a", 1, cells={"body": "x"}), row_of("a", 2, cells={"body": "x y"})]
    text = f'{{"quote":"{quote}"}}'
    outcome = msgspec.structs.replace(paid_outcome(0, "a"), text=text)
    if quote == "z":
        outcome = msgspec.structs.replace(outcome, status="invalid", text=None, raw=text)
    assert work.duplicates.admit([first, *([] if is_late else others)]) == [first]
    work.duplicates.decided(first, outcome)
    work.sent += work.duplicates.admit(others if is_late else [])
    assert [one.status for _, one in work.given] == statuses
    assert [row.row for row in work.sent] == ([1] if len(statuses) == 1 else [])


def test_renewed_request_is_sent_once() -> None:
    """A row that waited in the earlier form, and one that was read in the present one."""
    work = Work()
    old, follower = work.read("a", "a")
    (new,) = work.read("b", part=1)
    old.body, old.request_hash = new.body, new.request_hash
    assert work.duplicates.renewed(old, hash_of("a"))
    assert (work.duplicates.waiting, work.sent) == (2, [old, new])
    work.duplicates.decided(new, paid_outcome(0, "b"))
    assert work.given_rows() == [(0, 0, "1:0"), (0, 1, "1:0")]
    assert follower.request_hash == new.request_hash


def test_renewed_request_takes_an_answer_that_is_there() -> None:
    work = Work()
    old, _ = work.read("a", "a")
    (new,) = work.read("b", part=1)
    work.duplicates.decided(new, paid_outcome(0, "b"))
    old.body, old.request_hash = new.body, new.request_hash
    assert work.duplicates.renewed(old, hash_of("a"))
    assert work.given_rows() == [(0, 0, "1:0"), (0, 1, "1:0")]
    assert work.duplicates.waiting == 0


def test_renewed_row_keeps_its_duplicates() -> None:
    work = Work()
    first, _ = work.read("a", "a")
    first.body, first.request_hash = b"b", hash_of("b")
    assert not work.duplicates.renewed(first, hash_of("a"))
    work.read("b", part=1)
    work.duplicates.decided(first, paid_outcome(0, "b"))
    assert work.given_rows() == [(0, 1, "0:0"), (1, 0, "0:0")]


def test_waiting_rows_are_served_after_the_last_read() -> None:
    work = Work()
    first, _ = work.read("a", "a")
    work.duplicates.close()
    work.duplicates.decided(first, paid_outcome(0, "a"))
    assert work.given_rows() == [(0, 1, "0:0")]
