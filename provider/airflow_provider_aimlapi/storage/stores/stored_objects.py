"""Listings with sizes and times, for commands that need an object's age. Deletes nothing.

This is separate from `ObjectStore`, because a run never needs an object's age.
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
from airflow_provider_aimlapi.storage.access.local_files import walk_files
from airflow_provider_aimlapi.storage.access.store_errors import store_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fsspec import AbstractFileSystem

_TIMES = ("LastModified", "mtime", "updated", "last_modified", "created")
"""The names of this time with S3, the disk, Google Cloud Storage, Azure and fsspec's memory."""


class StoredObjects:
    """The objects below a folder of a file system, named as in `FsspecStore`."""

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._root = path_in(fs, root)
        self._real_root = os.path.realpath(self._root or "/") if kind_of(fs) == "local" else ""

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """Return all objects below a folder, sorted by name. The store is queried each time.

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
                else self._list_remote(folder)
            )
        # Raised here, for an object whose age is unknown. It is one of our errors already.
        except StoreUnsafe:
            raise
        except Exception as error:  # each file system has its own errors
            raise store_error(error, action="list", uri=uri_of(self._fs, folder)) from error
        return sorted(found, key=lambda stored: stored.name)

    def list_links(self, prefix: str) -> tuple[str, ...]:
        """Return the names of links and special files below a folder. Object stores have none.

        Args, Raises: as `list_objects`.
        """
        if kind_of(self._fs) != "local":
            return ()
        folder = prefix.rstrip("/")
        try:
            found = walk_files(self._real_root, folder)
            return tuple(name for name, entry in found if not entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return ()
        except OSError as error:
            uri = uri_of(self._fs, f"{self._root}/{folder}")
            raise store_error(error, action="list", uri=uri) from error

    def _on_disk(self, folder: str) -> Iterator[StoredObject]:
        try:
            for name, entry in walk_files(self._real_root, folder):
                with suppress(FileNotFoundError):  # removed since the listing
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield _stored_object(name, status.st_size, status.st_mtime_ns // 1000)
        except FileNotFoundError:
            return

    def _list_remote(self, folder: str) -> Iterator[StoredObject]:
        self._fs.invalidate_cache()
        infos: dict[str, dict[str, Any]] = self._fs.find(folder, detail=True)
        for path, info in infos.items():
            name = name_below(self._root, path)
            if is_object_name(name) and is_taken_literally(self._fs, path):
                yield _stored_object(name, int(info.get("size") or 0), _modified_us(path, info))


def _stored_object(name: str, size_bytes: int, modified_us: int) -> StoredObject:
    return StoredObject(name=name, size_bytes=size_bytes, modified_us=modified_us)


def _modified_us(path: str, info: Mapping[str, Any]) -> int:
    """Return when an object changed. Raise StoreUnsafe if that is unknown."""
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
    raise StoreUnsafe(f"The store does not state when {path} changed, so its age is unknown.")
