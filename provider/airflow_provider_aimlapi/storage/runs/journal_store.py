"""The journal of one run in an object store: segments are created once and never changed.

`core.durable.journal` defines records, and how damaged segments are read. Segments of a part are removed
once the part is durable: those of the epoch that wrote it, and older ones. Segments of a part that stays
open are merged, see `core.durable.segments`.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.journal import Record, decode_segment, encode_segment
from airflow_provider_aimlapi.core.durable.keys import RunNames, parse_segment_name
from airflow_provider_aimlapi.core.durable.object_sizes import MIB, SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.core.durable.segments import covered_by, uncovered_segments
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.runs.segment_merging import (
    OwnSegments,
    read_joined,
    segment_of,
)
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_aimlapi.core.durable.segments import Segment
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore
    from airflow_provider_aimlapi.storage.stores.thread_map import MapInThreads

# Each taken name is a write of our own whose answer was lost. So many in a row are another
# process.
TAKEN_NAMES_MAX = 16
LISTERS = 16
READERS = 8
"""How many segments of one part are read at once."""
USUAL_BYTES_MAX = MIB
"""The size of a usual segment: 64 answers of 16 kB. Larger ones are read one at a time, in their turn."""
DELETERS = 16
DELETED_AT_ONCE = 100


class SegmentGone(StoreUnavailable):
    """A listed segment does not exist. A part that holds more may have replaced it."""


class JournalStore:
    """Writes the segments of one epoch. Safe to call from threads.

    Attributes:
        epoch: the epoch that it writes.
    """

    def __init__(self, store: ObjectStore, names: RunNames, epoch: int) -> None:
        self._store = store
        self._names = names
        self.epoch = epoch
        # The numbers of our segments. A number is used once, even if its write fails.
        self._sequence = itertools.count()
        # Held for the number and for `_seen` together: segments are written and removed in several
        # threads.
        self._lock = threading.Lock()
        self._seen: dict[int, list[str]] = {}
        """By part: the segments of earlier attempts, and those that were written since."""
        self._own = OwnSegments()

    def take_over(self, segments: Mapping[int, Sequence[str]]) -> None:
        """Note what earlier attempts wrote, before anything is written.

        Raises:
            JournalUnreadable: there are segments of our own epoch. Their names would be in the way of
                paid answers.
        """
        self._seen = {part: list(names) for part, names in segments.items()}
        for name in itertools.chain.from_iterable(segments.values()):
            if epoch_of(name) == self.epoch:
                raise JournalUnreadable(
                    f"Remove an object of another program: {self._store.uri(name)} exists before "
                    f"its attempt has begun."
                )

    def append_records(self, part: int, records: Sequence[Record]) -> None:
        """Make records durable, in several segments if they are large. They are durable on return.

        After an error it is unknown whether they are. Appending them again is harmless, because a
        repeated row is the same row. If an earlier, unclear write has taken a name, the next name
        is used: no paid answer is lost because of a name.

        Raises:
            StoreUnavailable: it is unknown whether the segment was written.
            JournalUnreadable: one name after another is taken, which our own writes cannot cause.
        """
        data = encode_segment(records)
        if len(data) > SEGMENT_BYTES_MAX and len(records) > 1:
            # A segment that is longer than a reader accepts would count as another program's.
            middle = len(records) // 2
            self.append_records(part, records[:middle])
            self.append_records(part, records[middle:])
            return
        # An earlier write of ours may have taken the name although its answer was lost.
        for _ in range(TAKEN_NAMES_MAX):
            with self._lock:
                number = next(self._sequence)
                name = self._names.segment_name(part, self.epoch, number)
                self._seen.setdefault(part, []).append(name)
            if create_settled(self._store, name, data):
                self._own.note_segment(part, name, number, data)
                return
        raise JournalUnreadable(
            f"Another process writes the journal of epoch {self.epoch} at "
            f"{self._store.uri(self._names.journal_prefix)}. The paid answers of both are kept."
        )

    def next_group(self, part: int) -> Sequence[Segment]:
        """Return the segments of a part that `merge_group` merges next; none if there are too few."""
        return self._own.next_group(part)

    def merge_group(
        self, part: int, group: Sequence[Segment], map_in_threads: MapInThreads
    ) -> list[str]:
        """Create a segment that contains a group, and return the segments that it replaces.

        They stay, because a newer attempt may have listed the journal before this one was there.
        After an error the same group can be merged again: the name and the bytes are the same.

        Returns:
            No names if the group is not what was written, and will not be merged.

        Raises:
            StorageError: the store does not answer, or refuses.
        """
        first, last = group[0].first, group[-1].last
        name = self._names.segment_name(part, self.epoch, first, last)
        # The bytes are read back instead of being kept, because they would fill the memory. The name is
        # listed before the object exists, so that `give_up` removes it however the creation ends.
        data = read_joined(self._store, group, map_in_threads)
        with self._lock:
            seen = self._seen.setdefault(part, [])
            replaced = covered_by(name, seen)
            if name not in seen:
                seen.append(name)
        if data is None or not create_settled(self._store, name, data):
            self._own.replace_group(part, group, None)
            return []
        weight = sum(segment.weight for segment in group)
        merged = segment_of(name, data, first=first, last=last, weight=weight)
        self._own.replace_group(part, group, merged)
        return replaced

    def remove_replaced(
        self, part: int, names: Sequence[str], map_in_threads: MapInThreads
    ) -> None:
        """Remove segments that merged ones have replaced, unless they were removed before."""
        with self._lock:
            left = set(names).intersection(self._seen.get(part, ()))
        remove_segments(self._store, sorted(left), map_in_threads)
        with self._lock:
            self._seen[part] = [name for name in self._seen.get(part, ()) if name not in left]

    def give_up(self, part: int, epoch: int, map_in_threads: MapInThreads) -> None:
        """Remove the segments of a durable part that this attempt has seen or written.

        Args:
            epoch: of the attempt that wrote the part. Newer segments stay.
        """
        # First, so that no merge begins with segments that are being removed.
        self._own.forget_part(part)
        with self._lock:
            seen = self._seen.pop(part, [])
            self._seen[part] = [name for name in seen if epoch_of(name) > epoch]
        remove_segments(
            self._store, [name for name in seen if epoch_of(name) <= epoch], map_in_threads
        )


def list_segments(
    store: ObjectStore, names: RunNames, parts: Sequence[int] | None, map_in_threads: MapInThreads
) -> dict[int, list[str]]:
    """Return the segments of all epochs by part, in the order in which they were written.

    Args:
        parts: the parts to list, each with its own listing; None for all, with one listing.
    """
    prefixes = (
        [names.journal_prefix] if parts is None else [names.segments_of(part) for part in parts]
    )
    found: dict[int, list[tuple[int, int, int, str]]] = {}
    for name in itertools.chain(*map_in_threads(store.list, prefixes, LISTERS)):
        parsed = parse_segment_name(name)
        if parsed is not None:
            part, epoch, first, last = parsed
            found.setdefault(part, []).append((epoch, first, last, name))
    return {part: [name for *_, name in sorted(positions)] for part, positions in found.items()}


def list_again(
    store: ObjectStore,
    names: RunNames,
    part: int,
    before: Sequence[str],
    map_in_threads: MapInThreads,
) -> list[str]:
    """Return the segments of a part after one of them was gone, because they may have been merged.

    Args:
        before: the segments that were listed before.

    Raises:
        SegmentGone: one of these is neither there nor contained in one that is there.
    """
    found = list_segments(store, names, [part], map_in_threads).get(part, [])
    gone = set(uncovered_segments([*before, *found])) - set(found)
    if gone:
        raise SegmentGone(f"{store.uri(min(gone))} was listed, and is listed no more")
    return found


def replay_segments(
    store: ObjectStore, segments: Sequence[str], map_in_threads: MapInThreads
) -> Iterator[Record]:
    """Yield the records of segments in the given order. A later one supersedes an earlier one.

    Of a damaged segment, the records before the damage are yielded. The rest is paid for again.

    Raises:
        SegmentGone: a listed segment does not exist. It never counts as an empty one.
    """
    for piece in _pieces_of_names(segments, READERS):
        usual = map_in_threads(lambda name: _read_usual(store, name), piece, READERS)
        for name, data in zip(piece, usual, strict=True):
            yield from decode_segment(_read_segment(store, name) if data is None else data)


def _read_usual(store: ObjectStore, name: str) -> bytes | None:
    """Return a segment; None if it is too large to be read beside others."""
    try:
        return _read_segment(store, name, USUAL_BYTES_MAX)
    except JournalUnreadable:
        return None


def _read_segment(store: ObjectStore, name: str, bytes_max: int = SEGMENT_BYTES_MAX) -> bytes:
    data = store.read(name, bytes_max=bytes_max)
    if data is None:
        raise SegmentGone(f"{store.uri(name)} was listed, but does not exist any more")
    return data


def epoch_of(segment: str) -> int:
    """Return the epoch in a segment's name."""
    parsed = parse_segment_name(segment)
    return parsed[1] if parsed else 0


def remove_segments(store: ObjectStore, names: Sequence[str], map_in_threads: MapInThreads) -> None:
    """Remove segments, many at once. Some may be left without an error, see `delete_all`."""
    map_in_threads(store.delete_all, _pieces_of_names(names, DELETED_AT_ONCE), DELETERS)


def _pieces_of_names(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]
