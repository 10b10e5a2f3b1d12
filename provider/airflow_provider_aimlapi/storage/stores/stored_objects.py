"""Listings with sizes and times, for the few who ask how old something is. Deletes nothing.

Beside `ObjectStore` and not in it: no run needs an object's age, so no store has to know one.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.core.durable.retention import US_PER_S, StoredObject
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.access.file_systems import (
    is_taken_literally,
    kind_of,
    name_below,
    path_in,
    uri_of,
)
from airflow_provider_aimlapi.storage.access.local_files import walk
from airflow_provider_aimlapi.storage.access.store_errors import store_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fsspec import AbstractFileSystem

_TIMES = ("LastModified", "mtime", "updated", "last_modified", "created")
"""What S3, the disk, Google Cloud Storage, Azure and fsspec's memory call it."""


class StoredObjects:
    """The objects under a folder of a file system, as `FsspecStore` names them."""

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._root = path_in(fs, root)
        self._real_root = os.path.realpath(self._root or "/") if kind_of(fs) == "local" else ""

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below a folder, sorted by name; asked of the store anew.

        Args:
            prefix: ends in "/".

        Raises:
            StoreUnavailable, StoreUnsafe: the store did not answer, or a person must act.
        """
        folder = f"{self._root}/{prefix}".rstrip("/")
        try:
            found = list(
                self._on_disk(prefix.rstrip("/"))
                if kind_of(self._fs) == "local"
                else self._remote(folder)
            )
        except StoreUnsafe:
            raise
        except Exception as error:  # every file system has errors of its own
            raise store_error(error, action="list", uri=uri_of(self._fs, folder)) from error
        return sorted(found, key=lambda stored: stored.name)

    def links(self, prefix: str) -> tuple[str, ...]:
        """The names of links and special files below a folder; an object store has none.

        Args, Raises: as `list`.
        """
        if kind_of(self._fs) != "local":
            return ()
        folder = prefix.rstrip("/")
        try:
            found = walk(self._real_root, folder)
            return tuple(name for name, entry in found if not entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return ()
        except OSError as error:
            uri = uri_of(self._fs, f"{self._root}/{folder}")
            raise store_error(error, action="list", uri=uri) from error

    def _on_disk(self, folder: str) -> Iterator[StoredObject]:
        try:
            for name, entry in walk(self._real_root, folder):
                with suppress(FileNotFoundError):  # gone since it was listed
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield _object(name, status.st_size, status.st_mtime_ns // 1000)
        except FileNotFoundError:
            return

    def _remote(self, folder: str) -> Iterator[StoredObject]:
        self._fs.invalidate_cache()
        infos: dict[str, dict[str, Any]] = self._fs.find(folder, detail=True)
        for path, info in infos.items():
            name = name_below(self._root, path)
            if is_object_name(name) and is_taken_literally(self._fs, path):
                yield _object(name, int(info.get("size") or 0), _modified_us(path, info))


def _object(name: str, size_bytes: int, modified_us: int) -> StoredObject:
    return StoredObject(name=name, size_bytes=size_bytes, modified_us=modified_us)


def _modified_us(path: str, info: Mapping[str, Any]) -> int:
    """When an object changed. Raises StoreUnsafe rather than taking the unknown for old."""
    for field in _TIMES:
        moment = info.get(field)
        if isinstance(moment, str):
            with suppress(ValueError):
                moment = datetime.fromisoformat(moment)
        if isinstance(moment, datetime):
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int(aware.timestamp() * US_PER_S)
        if isinstance(moment, int | float) and not isinstance(moment, bool):
            return int(moment * US_PER_S)
    raise StoreUnsafe(f"The store does not say when {path} changed, so nothing is known to be old.")
