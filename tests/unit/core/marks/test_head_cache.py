from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.core.marks.head_cache import (
    CHECKED_ANSWERS,
    LEAD_S,
    LEADS_MAX,
    MISSES_MAX,
    PAUSE_S,
    HeadCache,
)

A, B, C = (0, 0), (0, 1), (0, 2)
HEAD = 2_000
LEAST = 1_024


def answer(*, read: int = 0, written: int = 0, prompt_tokens: int | None = HEAD + 10) -> Completion:
    return Completion(
        text="Yes.",
        status="ok",
        prompt_tokens=prompt_tokens,
        cached_tokens=read,
        cache_write_tokens=written,
    )


WRITE, READ, MISS = answer(written=HEAD), answer(read=HEAD), answer()


def cache() -> HeadCache:
    return HeadCache(tokens_min=LEAST)


def answered(
    head: HeadCache, completion: Completion, *, sent_s: float, now_s: float | None = None
) -> None:
    head.answered(
        completion, own_bytes=20, sent_s=sent_s, now_s=sent_s + 1 if now_s is None else now_s
    )


def warm(at_s: float = 0.0) -> HeadCache:
    """A cache whose lead was sent at a time, and answered a second later."""
    head = cache()
    assert head.wait_s(A, at_s) == 0
    assert head.marks(A, at_s)
    answered(head, WRITE, sent_s=at_s)
    head.ended(A)
    return head


def test_one_call_goes_alone_until_it_is_answered() -> None:
    head = cache()
    assert head.wait_s(A, 0.0) == 0
    assert head.wait_s(B, 0.0) > 0
    assert head.marks(A, 1.0)
    assert head.wait_s(B, 2.0) > 0
    answered(head, WRITE, sent_s=1.0, now_s=3.0)
    head.ended(A)
    assert head.wait_s(B, 3.0) == 0
    assert head.marks(B, 3.0)


def test_a_slow_lead_ends_the_wait() -> None:
    head = cache()
    head.wait_s(A, 0.0)
    assert head.marks(A, 5.0)
    assert head.wait_s(B, 5.0) == LEAD_S
    assert head.wait_s(B, 5.0 + LEAD_S) == 0
    assert head.marks(B, 5.0 + LEAD_S)  # its answer has begun, so others can read what it wrote


def test_a_lead_without_a_permit_ends_the_wait() -> None:
    """Others go without a mark, because nothing was written that they could read."""
    head = cache()
    head.wait_s(A, 0.0)
    assert head.wait_s(B, LEAD_S) == 0
    assert head.marks(B, LEAD_S)  # the first that is sent is the lead
    assert not head.marks(C, LEAD_S)
    assert head.wait_s(C, LEAD_S) == 0


def test_failed_leads_hold_up_nothing() -> None:
    head = cache()
    for number in range(LEADS_MAX):
        assert head.wait_s((1, number), float(number)) == 0
        assert head.wait_s(B, float(number)) > 0
        assert head.marks((1, number), float(number))
        head.ended((1, number))
    assert head.wait_s(A, 9.0) == head.wait_s(B, 9.0) == 0
    assert head.marks(A, 9.0)
    assert not head.marks(B, 9.0)  # no two writes at once, even so
    answered(head, WRITE, sent_s=9.0)
    assert head.marks(B, 11.0)


def test_another_row_is_no_failed_lead() -> None:
    head = cache()
    head.wait_s(A, 0.0)
    for _ in range(LEADS_MAX):
        head.ended(B)
    assert head.wait_s(B, 1.0) > 0


def test_one_call_goes_alone_after_a_pause() -> None:
    head = warm()
    assert head.wait_s(B, PAUSE_S - 1) == 0
    assert head.marks(B, PAUSE_S - 1)
    assert head.wait_s(C, PAUSE_S) == 0
    assert head.wait_s(B, PAUSE_S) > 0
    assert head.marks(C, PAUSE_S)
    answered(head, WRITE, sent_s=PAUSE_S)
    assert head.wait_s(B, PAUSE_S + 1) == 0


def test_each_answer_makes_the_pause_begin_again() -> None:
    head = warm()
    answered(head, READ, sent_s=200.0)
    assert head.wait_s(B, 200.0 + PAUSE_S - 1) == 0
    assert head.wait_s(B, 200.0 + PAUSE_S) == 0  # the new lead
    assert head.wait_s(C, 200.0 + PAUSE_S) > 0


def test_an_old_call_does_not_prove_a_kept_head() -> None:
    head = warm()
    assert head.wait_s(B, 2 * PAUSE_S) == 0
    answered(head, READ, sent_s=10.0, now_s=2 * PAUSE_S)
    assert head.wait_s(C, 2 * PAUSE_S) > 0


def test_rows_that_waited_write_the_head_once() -> None:
    """It may have passed the lead minutes ago, for example while the API accepted no calls."""
    head = warm()
    assert head.wait_s(B, 1.0) == head.wait_s(C, 1.0) == 0
    assert head.marks(B, 2 * PAUSE_S)
    assert not head.marks(C, 2 * PAUSE_S)


@pytest.mark.parametrize(
    ("completion", "is_on"),
    [
        (answer(prompt_tokens=LEAST + 10), True),
        (answer(prompt_tokens=LEAST + 9), False),
        (answer(prompt_tokens=None), False),
        (answer(prompt_tokens=5, written=HEAD), True),  # a count without the cache's tokens
        (answer(prompt_tokens=5, read=HEAD), True),
    ],
)
def test_the_first_answer_shows_the_length(completion: Completion, *, is_on: bool) -> None:
    """Twenty bytes of its own are ten tokens at most."""
    head = cache()
    assert head.marks(A, 0.0)
    answered(head, completion, sent_s=0.0)
    assert head.is_on is is_on
    assert is_on or head.why_off == "too short"
    assert head.marks(B, 2.0) is is_on


def test_twenty_answers_without_a_read_end_marks() -> None:
    head = warm()
    for number in range(MISSES_MAX):
        assert head.is_on
        answered(head, answer(written=HEAD), sent_s=2.0 + number)
    assert head.why_off == "no reads"
    text = head.report(-41_000_000)
    assert "0 of 20 answers" in text
    assert "42,000 tokens were written and 0 read, which cost 0.04" in text
    assert "no price is known" in head.report(None)
    assert "which cost nothing" in head.report(0)


def test_calls_sent_beside_the_lead_prove_nothing() -> None:
    """They could not read what it wrote."""
    head = cache()
    assert head.marks(A, 0.0)
    assert head.marks(B, LEAD_S)
    answered(head, WRITE, sent_s=0.0, now_s=LEAD_S + 30)
    for _ in range(3 * MISSES_MAX):
        answered(head, WRITE, sent_s=LEAD_S + 1, now_s=LEAD_S + 31)
    assert head.is_on
    assert head.answers == 0


@pytest.mark.parametrize(("reads", "is_on"), [(CHECKED_ANSWERS // 2, True), (99, False)])
def test_marks_end_when_less_than_half_read(reads: int, *, is_on: bool) -> None:
    head = warm()
    for number in range(CHECKED_ANSWERS):
        is_read = (number + 1) * reads // CHECKED_ANSWERS > number * reads // CHECKED_ANSWERS
        answered(head, READ if is_read else MISS, sent_s=2.0)
    assert head.is_on is is_on
    assert head.reads == reads
    assert is_on or head.why_off == "few reads"


def test_good_answers_excuse_no_later_misses() -> None:
    head = warm()
    for completion in [READ] * 1_000 + [MISS, MISS, READ] * CHECKED_ANSWERS:
        answered(head, completion, sent_s=2.0)
    assert head.why_off == "few reads"


def test_a_refused_mark_ends_all_marks() -> None:
    head = cache()
    assert head.marks(A, 0.0)
    head.refused(A)
    head.ended(A)
    assert head.wait_s(B, 0.1) == 0
    assert not head.marks(B, 0.1)
    assert head.is_on
    head.answered_without(B)  # another row shows nothing
    assert head.is_on
    head.answered_without(A)
    assert head.why_off == "refused"
    assert "Nothing was charged" in head.report(None)


def test_a_row_refused_anyway_ends_no_marks() -> None:
    head = cache()
    assert head.marks(A, 0.0)
    head.refused(A)
    head.ended(A)
    head.refused_without(A)
    assert head.marks(B, 1.0)


def test_a_refusal_after_an_answer_concerns_its_row() -> None:
    head = warm()
    head.refused(B)
    assert head.marks(C, 2.0)
    head.answered_without(B)
    assert head.is_on


@pytest.mark.parametrize(
    ("answers", "reads", "written_tokens", "is_on"),
    [
        (0, 0, 0, True),
        (20, 0, HEAD, True),
        (21, 0, HEAD, False),
        (1_000, 499, HEAD, False),
        (1_000, 500, HEAD, True),
        (1_000, 0, 0, True),
    ],
    ids=["none", "few", "no reads", "few reads", "half", "no marks"],
)
def test_earlier_answers_decide_for_later_attempts(
    answers: int, reads: int, written_tokens: int, *, is_on: bool
) -> None:
    head = cache()
    head.heed_earlier(answers=answers, reads=reads, written_tokens=written_tokens)
    assert head.is_on is is_on


def test_few_rows_are_not_marked() -> None:
    head = cache()
    head.leave_off()
    assert head.wait_s(A, 0.0) == 0
    assert not head.marks(A, 0.0)
