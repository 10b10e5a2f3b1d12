"""The journal of one run in an object store: segments created once, never changed. Decides nothing.

Records themselves, and what a damaged segment means, are in `core.journal`.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.journal import Record, decode_segment, encode_segment
from airflow_provider_aimlapi.core.keys import RunNames, parse_segment_name
from airflow_provider_aimlapi.core.object_sizes import SEGMENT_BYTES_MAX
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_aimlapi.storage.object_store import ObjectStore

TAKEN_NAMES_MAX = 16


class JournalStore:
    """Writes the segments of one epoch, and reads those of all. Safe to call from threads.

    Attributes:
        epoch: the one that it writes.
    """

    def __init__(self, store: ObjectStore, names: RunNames, epoch: int) -> None:
        self._store = store
        self._names = names
        self.epoch = epoch
        self._sequence = itertools.count()
        self._has_written = False
        self._lock = threading.Lock()

    def append(self, part: int, records: Sequence[Record]) -> None:
        """Make records durable: when this returns, they are. Large ones take several segments.

        After an error they may or may not be; appending them again is harmless, since a row that
        is told twice is the same row. A name that is taken by an earlier, unclear write is passed
        over: nothing that was paid for is given up because of a name.

        Raises:
            StoreUnavailable: when nobody knows whether the segment was written.
            JournalUnreadable: when name after name is taken, which our own writes cannot cause.
        """
        self._has_written = True
        data = encode_segment(records)
        if len(data) > SEGMENT_BYTES_MAX and len(records) > 1:
            middle = len(records) // 2
            self.append(part, records[:middle])
            self.append(part, records[middle:])
            return
        for _ in range(TAKEN_NAMES_MAX):
            with self._lock:
                sequence = next(self._sequence)
            if create_settled(self._store, self._names.segment(part, self.epoch, sequence), data):
                return
        raise JournalUnreadable(
            f"Another process writes the journal of epoch {self.epoch} at "
            f"{self._store.uri(self._names.journal)}. What it and we have paid for is kept."
        )

    def segments(self) -> dict[int, list[str]]:
        """The segments of all epochs by part, in the order in which they were written.

        Raises:
            JournalUnreadable: there are some of our own epoch, and we have written none. Their names
                would be in the way of what is paid for.
        """
        found: dict[int, list[tuple[int, int, str]]] = {}
        for name in self._store.list(self._names.journal):
            parsed = parse_segment_name(name)
            if parsed is not None:
                part, epoch, sequence = parsed
                if epoch == self.epoch and not self._has_written:
                    raise JournalUnreadable(
                        f"{self._store.uri(name)} is there before its attempt has begun. Another "
                        f"program wrote it: remove it."
                    )
                found.setdefault(part, []).append((epoch, sequence, name))
        return {part: [name for *_, name in sorted(places)] for part, places in found.items()}

    def replay(self, segments: Iterable[str]) -> Iterator[Record]:
        """The records of segments, in the order given; a later one supersedes an earlier one.

        A segment that is damaged gives what stands before the damage: the rest is paid for again.

        Raises:
            StoreUnavailable: when a segment that was listed cannot be read. It is never taken
                for an empty one.
        """
        for name in segments:
            data = self._store.read(name, bytes_max=SEGMENT_BYTES_MAX)
            if data is None:
                raise StoreUnavailable(
                    f"{self._store.uri(name)} was listed, but the store says that it is not there"
                )
            yield from decode_segment(data)
