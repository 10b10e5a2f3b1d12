"""What one look at the output after another may show, and what never. Asks no store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RUN = r"_aimlapi/[0-9a-f]{32}"
_PLACES = r"_aimlapi/publication"
CREATE_ONCE = re.compile(
    rf"{_RUN}/(plan\.json|manifest\.json|lease/\d{{8}}|parts/part-\d{{5}}\.parquet"
    rf"|journal/\d{{5}}/\d{{8}}-\d{{8}}(-\d{{8}})?)|{_PLACES}/(lease|change)/\d{{8}}"
)
JOURNAL = re.compile(rf"{_RUN}/journal/.*")
SEGMENT = re.compile(r"(?P<epoch>.*/\d{8})-(?P<first>\d{8})(-(?P<last>\d{8}))?")
"""A segment's place in the journal: its part and epoch, and the numbers that it contains."""
CHANGING = re.compile(
    rf"({_RUN}|{_PLACES})/(heartbeat/\d{{8}}|probe-[0-9a-f]{{16}})"
    rf"|{_RUN}/(share/\d{{4}}/)?(progress\.json|report\.html)"
)
LASTING = re.compile(rf"{_RUN}/(plan\.json|manifest\.json|lease/.*|parts/.*)")


class Sightings:
    """Remembers every object that was seen, and names each broken promise once."""

    def __init__(self) -> None:
        self.looks = 0
        self.violations: list[str] = []
        self._etags: dict[str, str] = {}
        self._present: frozenset[str] = frozenset()
        self._manifest: bytes | None = None

    def see(self, objects: Mapping[str, str], manifest: bytes | None) -> None:
        """Record one look at the bucket.

        Args:
            objects: ETags by name, relative to the output path.
            manifest: its bytes, read after the listing.
        """
        self.looks += 1
        self._check_manifest(manifest)
        visible = sorted(name for name in objects if not name.startswith("_aimlapi/"))
        if visible and manifest is None:
            self._tell(f"{visible[0]} is visible, and there is no manifest")
        for name, etag in objects.items():
            if CREATE_ONCE.fullmatch(name) and self._etags.setdefault(name, etag) != etag:
                self._tell(f"{name} has changed")
        for name in sorted(self._present - objects.keys()):
            is_needed = (
                manifest is None
                and JOURNAL.fullmatch(name)
                and not _has_part(name, objects)
                and not _is_merged(name, objects)
            )
            if LASTING.fullmatch(name) or is_needed:
                self._tell(f"{name} has vanished")
        self._present = frozenset(objects)

    def _check_manifest(self, manifest: bytes | None) -> None:
        if self._manifest is not None and manifest != self._manifest:
            self._tell("the manifest has changed" if manifest else "the manifest has vanished")
        self._manifest = manifest or self._manifest

    def _tell(self, violation: str) -> None:
        if violation not in self.violations:
            self.violations.append(violation)


def _has_part(segment: str, objects: Iterable[str]) -> bool:
    """Return whether the part of a segment's rows exists, so that the segment may be deleted."""
    run, _, place = segment.partition("/journal/")
    part = f"{run}/parts/part-{place.partition('/')[0]}"
    return any(name.startswith((f"{part}.", f"{part}-")) for name in objects)


def _is_merged(segment: str, objects: Iterable[str]) -> bool:
    """Return whether another segment of its part and epoch contains its numbers."""
    epoch, first, last = _range(segment)
    ranges = (_range(name) for name in objects if JOURNAL.fullmatch(name))
    return any(of == epoch and low <= first and last <= high for of, low, high in ranges)


def _range(segment: str) -> tuple[str, int, int]:
    """Return a segment's part and epoch, and its first and last number."""
    match = SEGMENT.fullmatch(segment)
    if match is None:
        return segment, 0, 0
    return match["epoch"], int(match["first"]), int(match["last"] or match["first"])


def run_keys(names: Iterable[str]) -> set[str]:
    """Return the runs that have a folder there."""
    hidden = {name.split("/")[1] for name in names if name.startswith("_aimlapi/")}
    return hidden - {"publication"}


def unknown_names(names: set[str], visible: set[str]) -> list[str]:
    """Return the names that do not belong at the output path.

    Args:
        visible: the names of the files that plain readers are to see.
    """
    return sorted(
        name
        for name in names
        if name not in visible
        and name != "_SUCCESS"
        and not CREATE_ONCE.fullmatch(name)
        and not CHANGING.fullmatch(name)
    )
