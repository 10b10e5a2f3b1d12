"""Decides which run folders may be removed, and in which order their objects. No store, no clock.

A removal can end after any object, and an attempt of the same run can begin then. The objects that
are left must be consistent in each case: at worst, rows are paid for again. So the order is:

1. The manifest. While it exists, an attempt relies on the staged parts and copies them. Without it,
   the run looks unpublished: an attempt reads the parts and publishes them again.
2. The journal, older epochs first. A later record supersedes an earlier one, so an earlier one must
   not be left alone. A row without part and record is paid for again.
3. The staged parts. Each of them is complete and correct, whatever else is gone.
4. Other objects: progress, reports, the probe object of a process that was killed.
5. The plan. It states which rows a part and a record hold, so it must outlive them. A newer version
   might split the same input differently, and would misread them.
6. Leases, then heartbeats, because an attempt waits long for a lease without a heartbeat. Only the
   last lease of all is removed after its heartbeat. That heartbeat could otherwise be taken for
   that of a new attempt, after epochs have begun at 1 again.

The removal itself holds the newest lease, under a token of its own. An attempt that is still alive
sees a newer epoch and stops. A new attempt waits until the removal has ended. The removal ends when
it sees a newer epoch. Its own lease stays, which is two small objects, because an attempt that was
frozen all the time must still learn that it was superseded. It is removed when it has reached the age.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import (
    RunNames,
    parse_heartbeat_name,
    parse_lease_name,
    parse_segment_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REMOVAL_TOKEN = "removal:"  # noqa: S105  # no secret: how a removal's lease begins
UNRELEASED_AGE_S_MIN = 24 * 3600.0
"""An attempt that did not release its lease counts as alive until it was silent for a day."""
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object in a listing.

    Attributes:
        name: relative to the output path.
        modified_us: microseconds since 1970, UTC, by the store's clock.
    """

    name: str
    size_bytes: int
    modified_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The facts about a run that decide whether its folder may be removed.

    Attributes:
        objects: everything in the folder.
        removal_epochs: the epochs of removals.
        is_released: whether the newest attempt of each share stated that it will never pay again.
        shown_run: the run that `_SUCCESS` names; None for none.
        obstacle: why the folder must stay, whatever its age; None for no such reason.
    """

    run_key: str
    objects: tuple[StoredObject, ...]
    removal_epochs: frozenset[int]
    is_released: bool
    shown_run: str | None
    obstacle: str | None = None

    @property
    def objects_of_attempts(self) -> tuple[StoredObject, ...]:
        """The objects, without those that removals wrote."""
        return tuple(found for found in self.objects if not self._is_removals(found.name))

    @property
    def is_emptied(self) -> bool:
        """Whether only a removal's own lease is left."""
        return not self.objects_of_attempts

    @property
    def modified_us(self) -> int:
        """The time of the last change, which decides the folder's age."""
        return max(found.modified_us for found in self.objects_of_attempts or self.objects)

    def _is_removals(self, name: str) -> bool:
        epoch = parse_lease_name(name)
        if epoch is None:
            epoch = parse_heartbeat_name(name)
        return epoch in self.removal_epochs


def why_kept(folder: RunFolder, *, older_than_s: float, now_us: int) -> str | None:
    """Return why a run folder stays; None if it may be removed."""
    # 1. Plain readers see it. 2. Something in it must be checked by a person.
    # 3. It is too young. 4. Its owner may be frozen: nothing in the store tells a long freeze from
    #    an end.
    if folder.shown_run == folder.run_key:
        return "it is in place"
    if folder.obstacle is not None:
        return folder.obstacle
    age_s = (now_us - folder.modified_us) / US_PER_S
    if age_s < older_than_s:
        return "it is younger than that"
    if not folder.is_released and not folder.is_emptied and age_s < UNRELEASED_AGE_S_MIN:
        return "an attempt has not let go of it, and may be at work: it changed within a day"
    return None


def removal_stages(
    names: RunNames, present: Iterable[str], *, kept_epoch: int | None
) -> list[list[str]]:
    """Return the names to delete in stages. The order within a stage does not matter.

    Args:
        present: all names in the run's folder.
        kept_epoch: the epoch whose lease and heartbeat stay; None to delete all.
    """
    left = set(present)
    if kept_epoch is not None:
        left -= {names.lease_name(kept_epoch), names.heartbeat_name(kept_epoch)}
    leases = sorted(name for name in left if parse_lease_name(name) is not None)
    heartbeats = sorted(name for name in left if parse_heartbeat_name(name) is not None)
    journal = sorted(name for name in left if name.startswith(names.journal_prefix))
    parts = sorted(name for name in left if name.startswith(names.parts_prefix))
    ends = {names.manifest_name, names.plan_name}
    others = sorted(left - ends - {*leases, *heartbeats, *journal, *parts})
    # The reasons for this order are in the module's docstring.
    stages = [
        [names.manifest_name] if names.manifest_name in left else [],
        *_by_epoch(journal),
        parts,
        others,
        [names.plan_name] if names.plan_name in left else [],
        *([heartbeats, leases] if kept_epoch is None else [leases, heartbeats]),
    ]
    return [stage for stage in stages if stage]


def _by_epoch(segments: list[str]) -> Iterator[list[str]]:
    def epoch_of_segment(name: str) -> int:
        parsed = parse_segment_name(name)
        return parsed[1] if parsed else 0

    for _, group in groupby(sorted(segments, key=epoch_of_segment), key=epoch_of_segment):
        yield list(group)
