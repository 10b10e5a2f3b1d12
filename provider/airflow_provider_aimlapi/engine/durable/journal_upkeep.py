"""Keep the journal of one attempt small, beside its work: merge segments, and remove replaced ones.

A durable part replaces all its segments. A part stays open as long as one of its rows is undecided.
Without merging, it has a segment for each flush that had an answer of it.

A merged segment is created before anything is removed. The segments that it replaces are removed
only after a renewal of the lease that began later. Then any newer attempt begins after the merged
segment was there, and lists it. So it does not matter when their removal takes effect, or whether
a listing shows only some of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.printable import printable_text
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aimlapi.engine.durable.lease import Lease
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.parts.part_reader import StagedPart

log = logger(__name__)


def upkeep_under(lease: Lease, prepared: Prepared, clock: Clock) -> JournalUpkeep:
    """Return the upkeep of the journal that the owner of a lease writes."""
    journal = JournalStore(prepared.store, prepared.names, lease.epoch)
    return JournalUpkeep(journal, clock, lambda: lease.renewed_at_s)


class JournalUpkeep:
    """Merges and removes what no reader needs. No failure here ends or delays paid calls.

    Attributes:
        journal: the segments.
    """

    def __init__(
        self, journal: JournalStore, clock: Clock, renewed_at_s: Callable[[], float]
    ) -> None:
        self.journal = journal
        self._clock = clock
        self._renewed_at_s = renewed_at_s
        self._lock = asyncio.Lock()
        """Held while segments of a part are merged or removed: a part that became durable meanwhile
        would keep a merged segment."""
        self._replaced: list[tuple[float, int, Sequence[str]]] = []
        """When a merged segment was there, by `boot_s`; its part; and the segments that it replaces."""
        self._is_merging = False
        self._has_failed = False

    async def give_up(self, replaced: Sequence[StagedPart]) -> None:
        """Remove the segments that durable parts replace. Publication removes what is left."""
        for staged in replaced:
            part = staged.entry.part
            try:
                async with self._lock:
                    await self._clock.in_thread(
                        self.journal.give_up, part, staged.epoch, self._clock.map_in_threads
                    )
            except Exception as error:  # noqa: BLE001  # no failure here may end paid calls
                log.info(
                    "Segments of part %s stay until publication: %s",
                    part,
                    printable_text(str(error)),
                )

    def begin_merging(
        self, tasks: asyncio.TaskGroup, parts: Sequence[int], is_open: Callable[[int], bool]
    ) -> None:
        """Begin to merge segments of these parts, unless the merging begun before is not over.

        Args:
            is_open: whether a part is still open. If not, its segments go in another way.
        """
        if not self._is_merging:
            self._is_merging = True
            tasks.create_task(self._merge_all(parts, is_open))

    async def _merge_all(self, parts: Sequence[int], is_open: Callable[[int], bool]) -> None:
        try:
            await self._remove_merged(is_open)
            for part in parts:
                while await self._merge_group(part, is_open):
                    pass
        except Exception as error:  # noqa: BLE001  # the next flush tries again
            if not self._has_failed:
                log.info(
                    "Segments could not be merged, so more remain: %s", printable_text(str(error))
                )
            self._has_failed = True
        finally:
            self._is_merging = False

    async def _merge_group(self, part: int, is_open: Callable[[int], bool]) -> bool:
        """Merge one group of a part's segments; return whether there was one."""
        async with self._lock:
            # Asked under the lock: the part may have become durable while this waited for it.
            group = self.journal.next_group(part) if is_open(part) else ()
            if not group:
                return False
            names = await self._clock.in_thread(
                self.journal.merge_group, part, group, self._clock.map_in_threads
            )
            if names:
                self._replaced.append((self._clock.boot_s(), part, names))
        return True

    async def _remove_merged(self, is_open: Callable[[int], bool]) -> None:
        """Remove the segments that were replaced before the newest renewal of the lease began."""
        renewed_at_s = self._renewed_at_s()
        # The list is in order of time, so the first entry that is too young ends the search.
        while self._replaced and self._replaced[0][0] <= renewed_at_s:
            _, part, names = self._replaced.pop(0)
            async with self._lock:
                # Otherwise the part became durable, and `give_up` removes them with its other segments.
                if is_open(part):
                    await self._clock.in_thread(
                        self.journal.remove_replaced, part, names, self._clock.map_in_threads
                    )
