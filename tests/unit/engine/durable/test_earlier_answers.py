"""What the journal says of rows that were rejected, and that a later attempt asked again."""

from __future__ import annotations

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import CallRecord, Reason, rejected_outcome
from airflow_provider_aimlapi.core.durable.journal import Record, rejection_record, unread_record
from airflow_provider_aimlapi.engine.durable.earlier_answers import News, Room

UNREAD = Reason("unreadable", "unreadable")
NO_CHOICES = Answer(
    status=200, content_type="application/json", body=b"{}", usd_spent="0.000000060"
)
PAGE = Answer(status=200, content_type="text/html", body=b"<title>Sign in</title>")
CHARGED = {3: 100}
"""Nano-dollars that the part's sum holds of its one rejected row."""


def bought(answer: Answer, moment: int = 1) -> Record:
    call = CallRecord(row=3, request_hash="0" * 64, attempts=1, completed_at_us=moment)
    return unread_record(answer, UNREAD, call)


def given_up(cost_nano_usd: int, moment: int = 1) -> Record:
    """The record holds the row's cost since its first call."""
    call = CallRecord(
        row=3,
        attempts=6,
        request_hash="0" * 64,
        completed_at_us=moment,
        unread_cost_nano_usd=cost_nano_usd,
    )
    return rejection_record(rejected_outcome(UNREAD, call))


def news_of(*records: Record, charged: dict[int, int]) -> News:
    """Of a durable part that charged something for the row, or of an open one."""
    news = News(charged=charged)
    for record in records:
        news.add_record(record, Room(uri="", has_texts=False), is_durable=bool(charged))
    return news


def rejected_again(cost_nano_usd: int) -> News:
    """A later attempt gave the row up too."""
    return news_of(given_up(cost_nano_usd), charged=CHARGED)


def test_second_rejection_charges_what_came_after_the_part() -> None:
    news = rejected_again(160)
    assert list(news.charges_beyond_part()) == [60]
    assert news.outcomes == []


def test_row_rejected_twice_may_be_bought_again() -> None:
    news = rejected_again(160)
    assert (news.unread[3].bought, news.unread[3].cost_nano_usd) == (0, 60)


def test_answer_after_a_second_rejection_adds_its_cost() -> None:
    news = news_of(given_up(160), bought(NO_CHOICES, 2), charged=CHARGED)
    assert list(news.charges_beyond_part()) == [120]


def test_two_rejections_of_an_open_row_count_once() -> None:
    news = news_of(given_up(100), bought(NO_CHOICES, 2), given_up(160, 3), charged={})
    assert sum(charge or 0 for charge in news.charges_beyond_part()) == 160


def test_a_page_without_a_cost_is_no_known_charge() -> None:
    news = news_of(bought(PAGE), bought(PAGE, 2), charged={})
    assert list(news.charges_beyond_part()) == []
