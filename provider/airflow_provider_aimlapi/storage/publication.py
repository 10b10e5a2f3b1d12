"""Putting a run's parts where plain readers find them. A step that any later attempt can finish.

The manifest has published the run before; here its parts are copied into place, those of earlier
runs removed, and `_SUCCESS` written last. Journal, parts and manifests of any run stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from airflow_provider_aimlapi.core.keys import (
    RUNS_FOLDER,
    SUCCESS_NAME,
    RunNames,
    parse_manifest_name,
)
from airflow_provider_aimlapi.core.manifest import Manifest, PartEntry, decode_manifest
from airflow_provider_aimlapi.core.object_sizes import MANIFEST_BYTES_MAX, SMALL_BYTES_MAX
from airflow_provider_aimlapi.errors import InvalidSpec, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from airflow_provider_aimlapi.storage.object_store import ObjectStore

COPY_THREADS = 16
Item = TypeVar("Item")
Result = TypeVar("Result")


class Spread(Protocol):
    """Does blocking work for each item, so many at a time."""

    def __call__(
        self, call: Callable[[Item], Result], items: Iterable[Item], threads: int
    ) -> list[Result]:
        """Return the results in order."""
        ...


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `_SUCCESS`: which run is in place, and where to read more about it."""

    run_key: str
    manifest: str
    parts: int
    rows: int


def publish(
    store: ObjectStore,
    manifest: Manifest,
    names: RunNames,
    *,
    spread: Spread,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Put a run's parts in place of whatever run was there before. Idempotent.

    A reader that waits for `_SUCCESS` sees the earlier run's parts or this run's, never a mixture:
    `_SUCCESS` goes first and comes last.

    Args:
        spread: does blocking work for each item, so many at a time.
        check: called before each step; raises when another is to write here.

    Raises:
        StoreUnavailable, StoreUnsafe: when the store fails; calling again finishes the step.
        JournalUnreadable: when another run's manifest does not read back.
    """

    def show(entry: PartEntry) -> None:
        check()
        store.copy(entry.staged_name, entry.visible_name)

    def remove(name: str) -> None:
        check()
        store.delete(name)

    if run_in_place(store) != names.run_key:
        remove(SUCCESS_NAME)
    spread(show, manifest.parts, COPY_THREADS)
    spread(remove, _left_by_others(store, manifest), COPY_THREADS)
    success = Success(
        run_key=manifest.run_key,
        manifest=names.manifest,
        parts=len(manifest.parts),
        rows=manifest.tally.rows,
    )
    check()
    store.write(SUCCESS_NAME, msgspec.json.encode(success) + b"\n")


def is_complete(store: ObjectStore, manifest: Manifest) -> bool:
    """Whether nobody has removed a part since the run was put in place."""
    return manifest.visible_names() <= set(store.list(""))


def run_in_place(store: ObjectStore) -> str | None:
    """The key of the run that `_SUCCESS` names; None when there is none, or it is another tool's."""
    body = store.read(SUCCESS_NAME, bytes_max=SMALL_BYTES_MAX)
    if body is None:
        return None
    try:
        return msgspec.json.decode(body, type=Success).run_key
    except (msgspec.MsgspecError, UnicodeDecodeError):  # another tool's, which is often empty
        return None


def check_foreign(store: ObjectStore, visible_names: Collection[str]) -> None:
    """Refuse to replace files that no run of ours has put there.

    Raises:
        InvalidSpec: naming such a file.
        JournalUnreadable: when a manifest does not read back.
    """
    present = store.list("")
    ours = {name for manifest in _manifests(store, present) for name in manifest.visible_names()}
    foreign = sorted((set(visible_names) & set(present)) - ours)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InvalidSpec(
            f"{store.uri(foreign[0])}{more} would be replaced, but was not written by this "
            f"operator. Remove it, or choose another output_path."
        )


def _left_by_others(store: ObjectStore, manifest: Manifest) -> list[str]:
    present = store.list("")
    theirs = {name for other in _manifests(store, present) for name in other.visible_names()}
    return sorted((theirs & set(present)) - manifest.visible_names())


def _manifests(store: ObjectStore, present: Iterable[str]) -> list[Manifest]:
    """The manifests of all runs that were ever published at this output path."""
    found = []
    for name in present:
        run_key = parse_manifest_name(name) if name.startswith(f"{RUNS_FOLDER}/") else None
        if run_key is None:
            continue
        data = store.read(name, bytes_max=MANIFEST_BYTES_MAX)
        if data is None:
            raise StoreUnavailable(f"{store.uri(name)} was listed, but is not there")
        found.append(decode_manifest(data, run_key=run_key))
    return found
