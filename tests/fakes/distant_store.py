"""A distant store. It counts requests as S3 does, can wait before each, and can refuse some."""

from __future__ import annotations

import threading
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER, parse_segment_name
from airflow_provider_aimlapi.errors import StoreUnavailable
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES_A_REQUEST = 1000
Names = list[str]


class DistantStore(MemoryStore):
    """An ObjectStore in memory.

    Args:
        waits_s: the shortest and the longest answer time of a request.
        failing: the share of requests that fail without an effect.
        keeps_segments: whether `kept` gets a copy of each segment.

    Attributes:
        requests: by kind. read_bytes: of all answers.
        kept: segments, whether or not they were removed.
        segments, segments_max: journal segments that are there, and the most that ever were.
    """

    def __init__(
        self,
        *,
        waits_s: tuple[float, float] = (0.0, 0.0),
        failing: float = 0.0,
        keeps_segments: bool = False,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self.read_bytes = 0
        self.kept: dict[str, bytes] = {}
        self.keeps_segments = keeps_segments
        self.segments = 0
        self.segments_max = 0
        self.waits_s = waits_s
        self.failing = failing
        self._random = Random(seed)  # noqa: S311  # the same waits each time
        self._counting = threading.Lock()

    def forget(self) -> None:
        """Set all counts to 0."""
        self.requests.clear()
        self.read_bytes = 0

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        self._request("read")
        return self._seen(super().read(name, bytes_max=bytes_max))

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        self._request("read")
        return self._seen(super().read_end(name, bytes_max=bytes_max))

    def list_visible(self) -> list[str]:
        return self._listed([n for n in super().list("") if not n.startswith(f"{RUNS_FOLDER}/")])

    def list(self, prefix: str) -> list[str]:
        return self._listed(super().list(prefix))

    def create(self, name: str, data: bytes) -> bool:
        self._request("create")
        is_ours = super().create(name, data)
        if self.keeps_segments and parse_segment_name(name) is not None:
            self.kept[name] = data
        self._note(name, int(is_ours))
        return is_ours

    def write(self, name: str, data: bytes) -> None:
        self._request("write")
        super().write(name, data)

    def copy(self, source: str, target: str) -> None:
        self._request("copy")
        super().copy(source, target)

    def delete(self, name: str) -> None:
        self._request("delete")
        self._note(name, -int(name in self.objects))
        super().delete(name)

    def delete_all(self, names: Sequence[str]) -> None:
        self._request("delete", -(-len(names) // NAMES_A_REQUEST))
        for name in names:
            self._note(name, -int(name in self.objects))
            super().delete(name)

    def _listed(self, names: Names) -> Names:
        self._request("list", max(1, -(-len(names) // NAMES_A_REQUEST)))
        return names

    def _seen(self, data: bytes | None) -> bytes | None:
        with self._counting:
            self.read_bytes += len(data or b"")
        return data

    def _note(self, name: str, change: int) -> None:
        if parse_segment_name(name) is not None:
            with self._counting:
                self.segments += change
                self.segments_max = max(self.segments_max, self.segments)

    def _request(self, kind: str, count: int = 1) -> None:
        with self._counting:
            self.requests[kind] += count
            waits_s = sum(self._random.uniform(*self.waits_s) for _ in range(count))
            is_failing = self._random.random() < self.failing
        if waits_s:
            time.sleep(waits_s)
        if is_failing:
            raise StoreUnavailable(f"{kind}: 503 Slow Down")
