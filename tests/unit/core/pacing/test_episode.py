from __future__ import annotations

from airflow_provider_aimlapi.core.pacing.episode import (
    LATE_CALLS,
    SURPRISE_CALLS,
    Episode,
    Seen,
    Sent,
)


def sent(number: int, at_s: float, level: int = 100) -> Sent:
    return Sent(number=number, at_s=at_s, level=level, is_full=True, is_beyond=True)


def begun(*, number: int = 1000, on_their_way: int = 60, in_flight: int = 130) -> Episode:
    """The first 429, seen 0.1 s after its call was sent; so many had been sent by then."""
    seen = Seen(
        now_s=10.1,
        in_flight=in_flight,
        admitted=number + on_their_way - 1,
        throttled=1,
        sent_per_s=600.0,
    )
    return Episode(first=sent(number, 10.0), seen=seen)


def test_each_429_lowers_what_was_accepted_by_one() -> None:
    episode = begun()
    assert (episode.accepted_calls, episode.calls_left) == (59, 129)
    episode = episode.once_more(sent(1010, 10.01))
    assert (episode.accepted_calls, episode.calls_left) == (58, 128)


def test_earliest_call_is_the_first_whichever_429_comes_first() -> None:
    episode = begun().once_more(sent(990, 9.98))
    assert episode.first.number == 990
    assert episode.accepted_calls == 68


def test_calls_that_ended_since_first_was_sent_made_room() -> None:
    """100 were in flight when it was sent, 60 went out with it, 130 are left: 29 have ended."""
    assert begun().completed_calls == 29


def test_after_burst_only_what_was_sent_later_is_counted() -> None:
    """Of the burst's first calls some may have been accepted before the bucket ran dry."""
    episode = begun()
    for count in range(LATE_CALLS):
        assert episode.anchor_call.number == 1000
        episode = episode.once_more(sent(1040 + count, 10.05))
    assert (episode.anchor_call.number, episode.accepted_calls) == (1040, 10)
    assert round(episode.span_s, 3) == 0.05


def test_few_refusals_or_a_small_part_are_no_surprise() -> None:
    few = begun(on_their_way=6)
    many = begun(on_their_way=400)
    for count in range(SURPRISE_CALLS - 1):
        assert not few.is_surprise
        few = few.once_more(sent(1001 + count, 10.01))
        many = many.once_more(sent(1001 + count, 10.01))
    assert few.is_surprise
    assert not many.is_surprise
