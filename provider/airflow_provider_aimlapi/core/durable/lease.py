"""Who may pay: the meaning of heartbeats, and how long a silence must last. No clock, no store.

An attempt owns an epoch. It may pay while its own heartbeat is young and no newer epoch exists.
A newer attempt may pay once each older one has released its lease, or has been silent for so long
that its right to pay has lapsed. An attempt with calls in flight is not silent: it writes heartbeats
until their answers are durable.

An attempt at one share of a run considers attempts at the same share and at the whole run only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import Literal

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.core.texts.setting_ranges import WORKERS_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable

HeartbeatState = Literal["waiting", "running", "released"]


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an attempt, which it writes again and again.

    Attributes:
        state: waiting for older attempts, running, or released: it will never pay again.
        beat: a counter, so that each heartbeat differs from the one before.
        has_run: whether it ever had the right to pay. Then all older attempts that it had to wait
            for had ended, and later attempts need not wait for those again.
    """

    state: HeartbeatState
    beat: Count
    has_run: bool = False


def encode_heartbeat(heartbeat: Heartbeat) -> bytes:
    """Return the heartbeat's stored form."""
    return msgspec.json.encode(heartbeat)


def decode_heartbeat(data: bytes) -> Heartbeat | None:
    """Decode a heartbeat; None for anything else, which then does not count as a release."""
    try:
        return decode_stored(data, Heartbeat, what="A heartbeat", bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:
        return None


# Five heartbeats may fail before the right to pay lapses. With two, one slow request would end it.
BEATS_A_TTL = 6
ROUNDING = 1e-6
"""The rounding error of sums of intervals."""
# As in the names of the shares' folders. `WORKERS_MAX` has fewer digits.
SHARE_DIGITS = 4
_SHARE = re.compile(rb"share-([0-9]{4}):")


def encode_lease(token: str, share: int | None) -> bytes:
    """Return a lease's content.

    Args:
        token: a random text that only the owner has.
        share: the share that its owner may pay for; None for the whole run.
    """
    return (token if share is None else f"share-{share:0{SHARE_DIGITS}d}:{token}").encode()


def decode_share(lease: bytes) -> int | None:
    """Return the share in a lease; None for the whole run, and for a content that no attempt writes.

    An attempt waits for the owner of a lease for the whole run, so None is the safe result.
    """
    match = _SHARE.match(lease)
    return int(match[1]) if match and int(match[1]) < WORKERS_MAX else None


def do_meet(share: int | None, other: int | None) -> bool:
    """Return whether attempts at these shares may pay for the same row. None is the whole run."""
    return share is None or other is None or share == other


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """The durations of a lease, in seconds.

    Attributes:
        ttl_s: how long a heartbeat gives the right to pay, the slack not yet subtracted.
        request_timeout_s: the longest time of a call in flight.
        landing_s: how long a request of an attempt that is gone may still do harm when it arrives.
            0 for calls: an answer to a dead process is lost, and waiting does not change that.
    """

    ttl_s: float
    request_timeout_s: float
    landing_s: float = 0.0

    @property
    def interval_s(self) -> float:
        """The time between two heartbeats, and between two reads of another's."""
        return self.ttl_s / BEATS_A_TTL

    @property
    def slack_s(self) -> float:
        """The allowance for clocks of different speed, and for the time from a check to the network."""
        # A sixth. Clocks differ by parts of a million, so nearly all of it is for the time from a
        # check to the network.
        return self.ttl_s / 6

    @property
    def silence_s(self) -> float:
        """The silence after which an attempt cannot pay any more, because it is gone or cut off."""
        return self.ttl_s + self.slack_s + self.landing_s

    def right_until_s(self, asked_at_s: float) -> float:
        """Return the end of the right to pay that a heartbeat gives, from the start of its writing."""
        return asked_at_s + self.ttl_s - self.slack_s


class Watch:
    """The proven silence of another attempt, as one watcher observes it.

    A *round* has three steps: the watcher writes a heartbeat of its own, waits an interval, and reads
    the heartbeat of the watched attempt. If the store did all of that, and the heartbeat has not
    changed, the watched attempt was silent from the end of the last read to the start of this one. A
    round counts for that time, but for one interval at most. So in each counted interval the watched
    attempt could have written. Without this limit, an outage or a freeze of the watcher would count
    as a silence. If only reads were counted, time in which no write succeeds would count, too.

    Each heartbeat differs from the one before, so a long round hides no heartbeat. On a slow store a
    round takes longer and still counts, so that the wait ends.

    Attributes:
        silent_s: the silence that is proven so far.
        heard_at_s: when the watched attempt was first seen to write; None before that.
    """

    def __init__(self, times: LeaseTimes) -> None:
        self._times = times
        # The last heartbeat that was read; None before the first, or if there is none.
        self._last: Heartbeat | None = None
        # Whether a read has succeeded. Without one before, a heartbeat is no news.
        self._has_read = False
        # The end of the last read; None after a round that does not count.
        self._read_at_s: float | None = None
        self._was_waited_for = False
        self.heard_at_s: float | None = None
        self.silent_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the watched attempt will never pay again."""
        return self.is_released or self._was_waited_for or self.rounds_left == 0

    @property
    def is_released(self) -> bool:
        """Whether the watched attempt has written that it ended."""
        return self._last is not None and self._last.state == "released"

    @property
    def has_run(self) -> bool:
        """Whether the watched attempt ever had the right to pay."""
        return self._last is not None and self._last.has_run

    @property
    def rounds_left(self) -> int:
        """The rounds without a heartbeat that are still missing."""
        missing_s = max(0.0, self._times.silence_s - self.silent_s)
        return ceil(missing_s / self._times.interval_s - ROUNDING)

    def note_read(
        self, heartbeat: Heartbeat | None, *, asked_at_s: float, answered_at_s: float
    ) -> None:
        """Count a read: its result, its start and its end."""
        # 1. It wrote: the silence begins again. The first read only shows that it wrote before.
        # 2. It was silent since the last read that counted.
        # 3. The last round failed, so no silence is proved. This read begins the next round.
        if heartbeat != self._last:
            if self._has_read and self.heard_at_s is None:
                self.heard_at_s = answered_at_s
            self._last = heartbeat
            self.silent_s = 0.0
        elif self._read_at_s is not None:
            self.silent_s += min(asked_at_s - self._read_at_s, self._times.interval_s)
        self._has_read = True
        self._read_at_s = answered_at_s

    def note_waited_for(self) -> None:
        """Note that a later attempt, which had to wait for this one, has run since."""
        self._was_waited_for = True

    def note_missed_round(self) -> None:
        """Note that the store failed in a part of the round, which then does not count."""
        self._read_at_s = None
