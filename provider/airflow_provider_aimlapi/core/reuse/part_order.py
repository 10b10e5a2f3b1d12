"""Decide in which order an earlier run's parts are searched for the rows of a new part. Pure.

Rows that did not change usually lie in the same order, near the same place of the same file. So the
search begins there and widens. Part numbers mean nothing across runs, because they shift with the
number of workers, with row groups and with `limit_rows`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aimlapi.core.durable.plan import Shard

_NUMBER_CHARACTERS = len("-00000.parquet")


def file_of(shard: Shard) -> str:
    """Return the name of a shard's input file, relative to the input path, without its suffix.

    It is the same in each run, wherever the input lies.
    """
    return shard.visible_name[:-_NUMBER_CHARACTERS]


class PartOrder:
    """The parts of an earlier run, and where the last answer was found."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards
        self._ranges: dict[str, range] = {}  # of the parts of each file
        for shard in shards:
            before = self._ranges.get(file_of(shard), range(shard.part, shard.part))
            self._ranges[file_of(shard)] = range(before.start, shard.part + 1)
        # The rows before each part. They locate the rows of a file that the earlier run did not have.
        self._rows_before = list(accumulate((one.rows for one in shards), initial=0))
        self._last: int | None = None  # the part in which the last answer was found

    def note_found(self, part: int) -> None:
        """Note that an answer was found in a part: the next one is probably in it, or after it."""
        self._last = part

    def candidate_parts(self, shard: Shard, rows_before: int) -> Iterator[int]:
        """Yield all parts, the likely ones first: by their distance from the likeliest.

        Args:
            rows_before: the rows of the new run before the shard.
        """
        parts = range(len(self._shards))
        if parts:
            yield from _parts_around(self._likely_part(shard, rows_before), parts)

    def _likely_part(self, shard: Shard, rows_before: int) -> int:
        """Return the part in which the shard's first row probably is."""
        # 1. After the part of the last answer, if that is a part of the shard's file, or if the
        #    earlier run had no such file. 2. At the same row of the file of that name. 3. At the
        #    same row of all rows, because the files were renamed.
        file = self._ranges.get(file_of(shard))
        if self._last is not None and (file is None or self._last in file):
            return min(self._last + 1, len(self._shards) - 1)
        first_row = rows_before if file is None else self._rows_before[file.start] + shard.first_row
        return min(max(bisect_right(self._rows_before, first_row) - 1, 0), len(self._shards) - 1)


def _parts_around(likely: int, parts: range) -> Iterator[int]:
    """Yield these parts by their distance from one of them."""
    yield likely
    for distance in range(1, len(parts)):
        for part in (likely + distance, likely - distance):
            if part in parts:
                yield part
