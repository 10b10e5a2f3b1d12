"""What the journal says of rows that a durable part rejected, and that a later attempt asked again."""

from __future__ import annotations

from airflow_provider_aimlapi.core.completion import Reason, rejected
from airflow_provider_aimlapi.core.journal import rejection
from airflow_provider_aimlapi.engine.resume import News, Room

CHARGED = {3: 100}
"""Nano-dollars that the part's sum holds of its one rejected row."""


def rejected_again(cost_nano_usd: int) -> News:
    """A later attempt gave the row up too; the record holds the row's cost since its first call."""
    outcome = rejected(
        Reason("unreadable", "unreadable"),
        row=3,
        attempts=6,
        request_hash="0" * 64,
        completed_at_us=1,
        unread_cost_nano_usd=cost_nano_usd,
    )
    news = News(charged=CHARGED)
    room = Room(uri="", has_texts=False)
    news.add(rejection(outcome), room, is_durable=True)
    return news


def test_second_rejection_charges_what_came_after_the_part() -> None:
    news = rejected_again(160)
    assert list(news.charges()) == [60]
    assert news.outcomes == []


def test_row_rejected_twice_may_be_bought_again() -> None:
    news = rejected_again(160)
    assert (news.unread[3].bought, news.unread[3].cost_nano_usd) == (0, 60)
