"""A store that counts the operations of a run on another store, and the CPU of its journal.

It may drop the journal's segments, for a run that does all of its work but keeping them. Nothing
of the provider is replaced: this is one more ObjectStore, handed in from outside.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fsspec.asyn import iothread

from airflow_provider_aimlapi.core.durable.keys import parse_segment_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

SAMPLE_MAX = 100
"""Segments kept, so that their encoding can be timed when the run is over."""


class CountedStore:
    """An ObjectStore in front of another.

    Attributes:
        operations: by kind; those of segments once more, as "segment create" and the like.
        segment_cpu_s: CPU seconds by what was done with segments ("create", "delete"), in the
            calling threads and in the one in which fsspec does its network traffic. What else
            happens there meanwhile is in it.
        segments: the bytes of the first few.
    """

    def __init__(self, store: ObjectStore, *, is_dropping: bool) -> None:
        self.operations: Counter[str] = Counter()
        self.segment_cpu_s: dict[str, float] = {"create": 0.0, "delete": 0.0}
        self.segments: list[bytes] = []
        self._store = store
        self._is_dropping = is_dropping
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()

    def uri(self, name: str) -> str:
        """Return the wrapped store's URI."""
        return self._store.uri(name)

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        """Do as the wrapped store, and count the operation."""
        self._count("read", name)
        return self._store.read(name, bytes_max=bytes_max)

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        """Do as the wrapped store, and count the operation."""
        self._count("read", name)
        return self._store.read_end(name, bytes_max=bytes_max)

    def list_visible(self) -> list[str]:
        """Do as the wrapped store, and count the operation."""
        self._count("list", "")
        return self._store.list_visible()

    def list(self, prefix: str) -> list[str]:
        """Do as the wrapped store, and count the operation."""
        self._count("list", prefix)
        return self._store.list(prefix)

    def create(self, name: str, data: bytes) -> bool:
        """Create an object, measured if it is a segment. A dropped segment is reported as created."""
        self._count("create", name)
        if parse_segment_name(name) is None:
            return self._store.create(name, data)
        if len(self.segments) < SAMPLE_MAX:
            self.segments.append(data)
        if self._is_dropping:
            return True
        with self._timed("create"):
            return self._store.create(name, data)

    def write(self, name: str, data: bytes) -> None:
        """Do as the wrapped store, and count the operation."""
        self._count("write", name)
        self._store.write(name, data)

    def copy(self, source: str, target: str) -> None:
        """Do as the wrapped store, and count the operation."""
        self._count("copy", target)
        self._store.copy(source, target)

    def delete(self, name: str) -> None:
        """Delete an object, measured if it is a segment."""
        self._count("delete", name)
        if parse_segment_name(name) is None:
            self._store.delete(name)
            return
        with self._timed("delete"):
            self._store.delete(name)

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete objects, measured if they are segments."""
        self._count("delete", names[0])
        if parse_segment_name(names[0]) is None:
            self._store.delete_all(names)
            return
        with self._timed("delete"):
            self._store.delete_all(names)

    def _count(self, kind: str, name: str) -> None:
        self.operations[kind] += 1
        if parse_segment_name(name) is not None:
            self.operations[f"segment {kind}"] += 1

    @contextmanager
    def _timed(self, kind: str) -> Iterator[None]:
        """Measure CPU seconds. Several threads may be in here, so that fsspec's own counts once for all."""
        with self._lock:
            self._inside[kind] += 1
            if self._inside[kind] == 1:
                self.segment_cpu_s[kind] -= _network_cpu_s()
        began_s = time.thread_time()
        try:
            yield
        finally:
            spent_s = time.thread_time() - began_s
            with self._lock:
                self._inside[kind] -= 1
                self.segment_cpu_s[kind] += spent_s
                if self._inside[kind] == 0:
                    self.segment_cpu_s[kind] += _network_cpu_s()


def _network_cpu_s() -> float:
    """CPU seconds of the thread in which fsspec talks to stores, since its start."""
    thread = iothread[0]
    if thread is None or thread.ident is None:
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
