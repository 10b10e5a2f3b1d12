"""Who may pay: what heartbeats mean and how long a silence must last. Reads no clock, no store.

An attempt owns an epoch. It may pay while its own heartbeat is young and no newer epoch exists.
A newer attempt may pay once every older one has let go, or has been silent for so long that its
right to pay has lapsed and its last calls have come back.

An attempt at one share of a run cares for attempts at the same share and at the whole run only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from airflow_provider_aimlapi.core.bounds import Count
from airflow_provider_aimlapi.core.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.plan import WORKERS_MAX
from airflow_provider_aimlapi.core.stored_json import decode_stored
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
    """

    ttl_s: float
    request_timeout_s: float

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
        """After which an attempt that said nothing can neither pay nor be paid for."""
        return self.ttl_s + self.request_timeout_s + self.margin_s

    def right_until_s(self, asked_at_s: float) -> float:
        """Until when a heartbeat whose writing began then gives the right to pay."""
        return asked_at_s + self.ttl_s - self.margin_s


class Watch:
    """How long another attempt has been silent, as one watcher can prove it.

    Only time between two quick, successful looks counts: while the store does not answer, the
    other cannot speak either, and its silence means nothing.
    """

    def __init__(self, times: LeaseTimes) -> None:
        self._times = times
        self._last: Heartbeat | None = None
        self._looked_at_s: float | None = None
        self._was_waited_for = False
        self.silent_s = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the other will never pay again."""
        is_released = self._last is not None and self._last.state == "released"
        return is_released or self._was_waited_for or self.silent_s >= self._times.silence_s

    @property
    def has_run(self) -> bool:
        """Whether the other ever had the right to pay."""
        return self._last is not None and self._last.has_run

    def see(self, heartbeat: Heartbeat | None, *, asked_at_s: float, answered_at_s: float) -> None:
        """Take in a look: what was found, when it was asked for and when it came."""
        is_quick = answered_at_s - asked_at_s <= self._times.interval_s
        if heartbeat != self._last:
            self._last = heartbeat
            self.silent_s = 0.0
        elif is_quick and self._looked_at_s is not None:
            gap_s = asked_at_s - self._looked_at_s
            if gap_s <= 2 * self._times.interval_s:
                self.silent_s += gap_s
        self._looked_at_s = asked_at_s if is_quick else None

    def excuse(self) -> None:
        """Take in that a later attempt, which had to wait for this one, has run since."""
        self._was_waited_for = True

    def miss(self) -> None:
        """Take in a look that failed: the time around it proves nothing."""
        self._looked_at_s = None
