"""Who may pay: what heartbeats mean and how long a silence must last. Reads no clock, no store.

An attempt owns an epoch. It may pay while its own heartbeat is young and no newer epoch exists.
A newer attempt may pay once every older one has let go, or has been silent for so long that its
right to pay has lapsed. An attempt whose calls are in flight is not silent: it writes heartbeats
until their answers are durable.

An attempt at one share of a run cares for attempts at the same share and at the whole run only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import Literal

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.durable.plan import WORKERS_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

HeartbeatState = Literal["waiting", "running", "released"]


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt says of itself, again and again.

    Attributes:
        state: waiting for older attempts, running, or released: it will never pay again.
        beat: counts up, so that each heartbeat differs from the one before.
        has_run: whether it ever had the right to pay. Then every older attempt that it had to wait
            for was over, and nobody needs to wait for those again.
    """

    state: HeartbeatState
    beat: Count
    has_run: bool = False


def encode_heartbeat(heartbeat: Heartbeat) -> bytes:
    """The heartbeat's durable form."""
    return msgspec.json.encode(heartbeat)


def decode_heartbeat(data: bytes) -> Heartbeat | None:
    """Read a heartbeat back; None for what is none, which then counts as no sign of release."""
    try:
        return decode_stored(data, Heartbeat, what="A heartbeat", bytes_max=SMALL_BYTES_MAX)
    except JournalUnreadable:
        return None


BEATS_A_TTL = 6
ROUNDING = 1e-6
"""Of sums of intervals."""
SHARE_DIGITS = 4
_SHARE = re.compile(rb"share-([0-9]{4}):")


def encode_lease(token: str, share: int | None) -> bytes:
    """A lease's body.

    Args:
        token: random, and its owner's alone.
        share: the one whose rows its owner may pay for; None for the whole run.
    """
    return (token if share is None else f"share-{share:0{SHARE_DIGITS}d}:{token}").encode()


def decode_share(lease: bytes) -> int | None:
    """The share in a lease's body; None for the whole run, and for a body that no attempt writes.

    An attempt waits for the owner of a lease for the whole run, so that is the safe reading.
    """
    match = _SHARE.match(lease)
    return int(match[1]) if match and int(match[1]) < WORKERS_MAX else None


def do_meet(share: int | None, other: int | None) -> bool:
    """Whether attempts at these shares may pay for the same row. None stands for the whole run."""
    return share is None or other is None or share == other


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """The durations of a lease, in seconds.

    Attributes:
        ttl_s: how long a heartbeat gives the right to pay, less the margin.
        request_timeout_s: the longest that a call may be in flight.
        landing_s: how long a request of an attempt that is gone may still do harm when it arrives.
            0 for calls: what comes back to a dead process is lost, and waiting does not change that.
    """

    ttl_s: float
    request_timeout_s: float
    landing_s: float = 0.0

    @property
    def interval_s(self) -> float:
        """Between two heartbeats, and between two looks at another's."""
        return self.ttl_s / BEATS_A_TTL

    @property
    def margin_s(self) -> float:
        """For clocks that run unevenly and for the way from a check to the wire."""
        return self.ttl_s / 6

    @property
    def silence_s(self) -> float:
        """After which an attempt that wrote nothing cannot pay any more, and is gone or cut off."""
        return self.ttl_s + self.margin_s + self.landing_s

    def right_until_s(self, asked_at_s: float) -> float:
        """Until when a heartbeat whose writing began then gives the right to pay."""
        return asked_at_s + self.ttl_s - self.margin_s


class Watch:
    """How long another attempt has been silent, as one watcher can prove it.

    A *round* is: the watcher writes a heartbeat of its own, waits an interval, and reads the other's.
    If the store did all of that, and the other's heartbeat is still the same, the other was silent
    from the end of the last read to the start of this one. A round counts for that time, but for one
    interval at most. So each counted interval is one in which the other could have written. Without
    that limit an outage, or a freeze of the watcher, would count as a silence. Counting reads
    alone would count time in which nothing can be written.

    Each heartbeat differs from the one before, so a long round hides no heartbeat. On a slow store a
    round takes longer and still counts, so that the wait ends.

    Attributes:
        silent_s: the silence that is proven so far.
        heard_at_s: when the other was first seen to write; None while it was not.
    """

    def __init__(self, times: LeaseTimes) -> None:
        self._times = times
        self._last: Heartbeat | None = None
        self._has_read = False
        self._read_at_s: float | None = None
        self._was_waited_for = False
        self.heard_at_s: float | None = None
        self.silent_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the other will never pay again."""
        is_released = self._last is not None and self._last.state == "released"
        return is_released or self._was_waited_for or self.rounds_left == 0

    @property
    def has_run(self) -> bool:
        """Whether the other ever had the right to pay."""
        return self._last is not None and self._last.has_run

    @property
    def rounds_left(self) -> int:
        """How many rounds without a heartbeat are missing."""
        missing_s = max(0.0, self._times.silence_s - self.silent_s)
        return ceil(missing_s / self._times.interval_s - ROUNDING)

    def see(self, heartbeat: Heartbeat | None, *, asked_at_s: float, answered_at_s: float) -> None:
        """Take in a read: what was found, when it began and when it ended."""
        if heartbeat != self._last:
            if self._has_read and self.heard_at_s is None:
                self.heard_at_s = answered_at_s
            self._last = heartbeat
            self.silent_s = 0.0
        elif self._read_at_s is not None:
            self.silent_s += min(asked_at_s - self._read_at_s, self._times.interval_s)
        self._has_read = True
        self._read_at_s = answered_at_s

    def excuse(self) -> None:
        """Take in that a later attempt, which had to wait for this one, has run since."""
        self._was_waited_for = True

    def miss(self) -> None:
        """Take in that the store refused a part of the round: it counts for nothing."""
        self._read_at_s = None
