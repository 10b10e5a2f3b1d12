"""Which run folders may go, and in which order their objects go. Reads no store and no clock.

A removal can be cut short after any object, and an attempt of the same run can begin then. What it
finds must be sound at each cut: the rest is at worst paid for again. So objects go in this order:

1. The manifest. While it stands, an attempt takes the staged parts for granted and copies them. Once
   it is gone, the run looks unpublished: an attempt reads the parts back and publishes them anew.
2. The journal, older epochs first: a later record supersedes an earlier one, so an earlier one must
   never be what is left. A row without part and record is paid for again.
3. The staged parts. One that stands is whole and true whatever else is gone.
4. What else lies there: progress, reports, the object of a probe whose process was killed.
5. The plan. It says which rows a part and a record hold, so it outlives them all: a newer version
   might split the same input otherwise, and would misread them.
6. Leases, then heartbeats: an attempt waits long for a lease without a heartbeat. Only the last lease
   of all goes after its heartbeat, which could otherwise be taken for that of a new attempt some day,
   when epochs have begun at 1 again.

The removal holds the newest lease itself, under a token of its own. An attempt that is alive after all
sees a newer epoch and lets go; one that begins waits until the removal has let go, and the removal ends
when it sees a newer one. That last lease stays, two tiny objects, for an attempt that was frozen all the
while and wakes up must still learn that it was superseded. It goes when it has reached the age itself.
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
"""An attempt that did not let go is taken for alive until it was silent for a day."""
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as a listing shows it.

    Attributes:
        name: relative to the output path.
        modified_us: microseconds since 1970, UTC, by the store's clock.
    """

    name: str
    size_bytes: int
    modified_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """What is known of a run, for the question whether it may go.

    Attributes:
        objects: everything in the folder.
        removal_epochs: epochs that removals took, not attempts.
        is_released: whether the newest attempt, of each share, said that it will never pay again.
        run_in_place: the run that `_SUCCESS` names; None when it names none.
        obstacle: why the folder must stay whatever its age; None when there is no such reason.
    """

    run_key: str
    objects: tuple[StoredObject, ...]
    removal_epochs: frozenset[int]
    is_released: bool
    run_in_place: str | None
    obstacle: str | None = None

    @property
    def contents(self) -> tuple[StoredObject, ...]:
        """The objects, without what removals wrote there themselves."""
        return tuple(found for found in self.objects if not self._is_removals(found.name))

    @property
    def is_emptied(self) -> bool:
        """Whether nothing is left but a removal's own lease."""
        return not self.contents

    @property
    def modified_us(self) -> int:
        """When the newest of the objects changed that make up its age."""
        return max(found.modified_us for found in self.contents or self.objects)

    def _is_removals(self, name: str) -> bool:
        epoch = parse_lease_name(name)
        if epoch is None:
            epoch = parse_heartbeat_name(name)
        return epoch in self.removal_epochs


def why_kept(folder: RunFolder, *, older_than_s: float, now_us: int) -> str | None:
    """Why a run folder stays; None when it may go."""
    if folder.run_in_place == folder.run_key:
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
    """The names to delete: one stage after another, in any order within a stage.

    Args:
        present: all names in the run's folder.
        kept_epoch: whose lease and heartbeat stay; None when all goes.
    """
    left = set(present)
    if kept_epoch is not None:
        left -= {names.lease(kept_epoch), names.heartbeat(kept_epoch)}
    leases = sorted(name for name in left if parse_lease_name(name) is not None)
    heartbeats = sorted(name for name in left if parse_heartbeat_name(name) is not None)
    journal = sorted(name for name in left if name.startswith(names.journal))
    parts = sorted(name for name in left if name.startswith(names.parts))
    ends = {names.manifest, names.plan}
    others = sorted(left - ends - {*leases, *heartbeats, *journal, *parts})
    stages = [
        [names.manifest] if names.manifest in left else [],
        *_by_epoch(journal),
        parts,
        others,
        [names.plan] if names.plan in left else [],
        *([heartbeats, leases] if kept_epoch is None else [leases, heartbeats]),
    ]
    return [stage for stage in stages if stage]


def _by_epoch(segments: list[str]) -> Iterator[list[str]]:
    def epoch(name: str) -> int:
        parsed = parse_segment_name(name)
        return parsed[1] if parsed else 0

    for _, group in groupby(sorted(segments, key=epoch), key=epoch):
        yield list(group)
