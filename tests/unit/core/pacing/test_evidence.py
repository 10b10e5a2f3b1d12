from __future__ import annotations

from airflow_provider_aimlapi.core.pacing.episode import Episode, Seen, Sent
from airflow_provider_aimlapi.core.pacing.evidence import CLOSING_CALLS, Likeness, Mark, Streak


def episode(*, number: int, at_s: float, throttled: int, level: int, ended: int = 0) -> Episode:
    """One call, refused: so many 429s there were with it, and so many others ended meanwhile."""
    first = Sent(number=number, at_s=at_s, level=level, is_full=False, is_beyond=False)
    seen = Seen(
        now_s=at_s + 0.06,
        in_flight=level - ended,
        admitted=number,
        throttled=throttled,
        sent_per_s=20.0,
    )
    return Episode(first=first, seen=seen)


def test_calls_between_two_refusals_make_a_rate() -> None:
    mark = Mark(at_s=0.0).moved_on(episode(number=101, at_s=10.0, throttled=1, level=20))
    later = episode(number=302, at_s=20.0, throttled=2, level=20)
    assert (mark.calls_since(later), mark.elapsed_s(later)) == (200, 10.0)


def test_mark_stays_until_enough_lies_behind_it() -> None:
    mark = Mark(at_s=10.0, accepted=100)
    soon = mark.moved_on(episode(number=106, at_s=10.3, throttled=1, level=20))
    assert (soon.at_s, soon.episodes) == (10.0, 1)
    late = soon.moved_on(episode(number=180, at_s=14.0, throttled=2, level=20))
    assert (late.at_s, late.accepted, late.episodes) == (14.0, 178, 0)


def closing(*, ended: int, accepted: int = 0) -> bool:
    """Whether the gate closes when the last of CLOSING_CALLS calls is refused, too."""
    run, last = Streak(), None
    for count in range(CLOSING_CALLS):
        number = 100 + count + (accepted if count == CLOSING_CALLS - 1 else 0)
        last = episode(
            number=number, at_s=10.0 + count, throttled=count + 1, level=40 - ended * count
        )
        run = run.after_episode(last.first, last.seen)
    assert last is not None
    return run.is_closing(last, last.seen)


def test_everything_is_refused_if_freed_room_accepts_nothing() -> None:
    assert closing(ended=2)
    assert not closing(ended=0)
    assert not closing(ended=2, accepted=1)


def test_similar_calls_in_flight_count_once_per_change() -> None:
    likeness = Likeness()
    for count, level in enumerate((33, 34, 33)):
        likeness = likeness.after_episode(
            episode(number=100 + 40 * count, at_s=10.0 + count, throttled=1 + count, level=level)
        )
    assert likeness.times == 2
    at_once = episode(number=181, at_s=12.1, throttled=4, level=33)
    assert likeness.after_episode(at_once) is likeness
    other = episode(number=260, at_s=15.0, throttled=4, level=45)
    assert likeness.after_episode(other).times == 0
