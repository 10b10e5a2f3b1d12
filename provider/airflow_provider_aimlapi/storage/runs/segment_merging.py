"""Merge small segments of one attempt into one. The rules are in `core.durable.segments`. Blocking."""

from __future__ import annotations

import threading
import zlib
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.segments import Segment, fits_one_segment, next_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads


class OwnSegments:
    """The segments that one attempt has written and may merge, by part. Safe to call from threads.

    What leaves this register takes all older ones of its part with it: a merged segment takes the
    place of consecutive ones only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_part: dict[int, list[Segment]] = {}

    def note_segment(self, part: int, name: str, number: int, data: bytes) -> None:
        """Register a segment that a flush has written."""
        segment = segment_of(name, data, first=number, last=number, weight=1)
        with self._lock:
            self._by_part.setdefault(part, []).append(segment)

    def next_group(self, part: int) -> Sequence[Segment]:
        """Return the segments of a part to be merged next; none if there are too few."""
        with self._lock:
            segments = self._by_part.get(part, [])
            while group := next_group(segments):
                if fits_one_segment(group):
                    return group
                del segments[: segments.index(group[0]) + 1]
        return ()

    def replace_group(self, part: int, group: Sequence[Segment], merged: Segment | None) -> None:
        """Register a merged segment in the place of its group; None if the group cannot be merged."""
        with self._lock:
            segments = self._by_part.get(part, [])
            # The part was forgotten while its group was merged. `give_up` removes the merged
            # segment, too.
            if group[0] not in segments:
                return
            start = segments.index(group[0])
            end = start + len(group)
            if merged is None:
                del segments[:end]
            else:
                segments[start:end] = [merged]

    def forget_part(self, part: int) -> None:
        """Merge nothing of this part any more."""
        with self._lock:
            self._by_part.pop(part, None)


def segment_of(name: str, data: bytes, *, first: int, last: int, weight: int) -> Segment:
    """Return what is known of a segment with these bytes."""
    return Segment(
        name=name,
        first=first,
        last=last,
        weight=weight,
        size_bytes=len(data),
        checksum=zlib.crc32(data),
    )


def read_joined(
    store: ObjectStore, group: Sequence[Segment], map_in_threads: MapInThreads
) -> bytes | None:
    """Return the frames of segments in their order; None if one is not what was written.

    A damaged frame would hide all that come after it.
    """

    def read_segment(segment: Segment) -> bytes | None:
        return store.read(segment.name, bytes_max=segment.size_bytes)

    pieces: list[bytes] = []
    for segment, data in zip(group, map_in_threads(read_segment, group, len(group)), strict=True):
        if data is None or zlib.crc32(data) != segment.checksum:
            return None
        pieces.append(data)
    return b"".join(pieces)
