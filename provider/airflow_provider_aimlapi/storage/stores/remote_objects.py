"""Objects of S3, Google Cloud Storage, Azure Blob and fsspec's memory, with one request each.

fsspec caches listings, and would report a new object as absent. No method here uses that cache.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from glob import has_magic
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.storage.access.file_systems import (
    Kind,
    is_taken_literally,
    kind_of,
    name_below,
)
from airflow_provider_aimlapi.storage.stores.azure_copy import copy_blob
from airflow_provider_aimlapi.storage.stores.undecoded_reads import read_azure, read_google

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsspec import AbstractFileSystem

# fsspec checks whether a memory file exists, then writes it. A process has one such memory.
_MEMORY_LOCK = threading.Lock()
S3_KEYS_MAX = 1000
"""The most keys of one request."""
LISTERS = 16
"""How many folders, such as hive's, are listed at once."""
_GCSFS_BOUNDARY = b"--==0=="
"""gcsfs puts an upload between two of these, whatever the bytes themselves contain."""


class RemoteObjects:
    """The objects below a path of a file system whose create is atomic."""

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._root = root
        self._kind: Kind = kind_of(fs)

    def can_hold(self, name: str) -> bool:
        """Return whether the file system reads no version into a name."""
        return is_taken_literally(self._fs, self._path_of_object(name))

    def read(self, name: str, bytes_max: int) -> bytes:
        """Return an object's first bytes, with one GET of a range.

        An empty object has no such range, which stores report with status 416.
        """
        return self._read_range(self._path_of_object(name), 0, bytes_max)

    def read_end(self, name: str, bytes_max: int) -> bytes:
        """Return an object's last bytes, with one GET.

        Google and Azure take a request for the size first, because they have no range from the end.
        """
        path = self._path_of_object(name)
        if self._kind not in ("gcs", "azure"):
            return bytes(self._fs.cat_file(path, start=-bytes_max))
        self._fs.invalidate_cache()
        size_bytes = int(self._fs.size(path))
        wanted = min(bytes_max, size_bytes)
        return self._read_range(path, size_bytes - wanted, wanted) if wanted else b""

    def _read_range(self, path: str, start: int, bytes_max: int) -> bytes:
        match self._kind:
            case "gcs":
                return read_google(self._fs, path, bytes_max, start)
            case "azure":
                return read_azure(self._fs, path, bytes_max, start)
            case _:
                return bytes(self._fs.cat_file(path, start=start, end=start + bytes_max))

    def list_beside(self, left_out: str) -> list[str]:
        """Return all objects outside of a folder: those of the root, and of each other folder."""
        self._fs.invalidate_cache()
        try:
            # The root alone at first, because the runs' folder may hold far more objects than the
            # output.
            entries = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        names: dict[str, list[str]] = {"file": [], "directory": []}
        for entry in entries:
            name = name_below(self._root, entry["name"].rstrip("/"))
            if name and name != left_out:
                names[entry["type"]].append(name)
        with ThreadPoolExecutor(LISTERS, "list") as pool:
            return names["file"] + list(chain(*pool.map(self._found_below, names["directory"])))

    def _found_below(self, folder: str) -> list[str]:
        found = self._fs.find(self._path_of_object(folder).rstrip("/"))
        return [name_below(self._root, path) for path in found]

    def list(self, folder: str) -> list[str]:
        """Return all objects below a folder. The store is queried each time."""
        self._fs.invalidate_cache()
        return self._found_below(folder)

    def create(self, name: str, data: bytes) -> None:
        """Create an object with one PUT with "only if absent"."""
        path = self._path_of_object(name)
        if self._kind == "memory":
            with _MEMORY_LOCK:
                self._fs.pipe_file(path, data, mode="create")
        else:
            self._fs.pipe_file(path, data, mode="create", **self._upload_options(data))

    def write(self, name: str, data: bytes) -> None:
        """Write an object with one PUT."""
        path = self._path_of_object(name)
        if self._kind == "memory":
            with _MEMORY_LOCK:
                self._fs.pipe_file(path, data)
        else:
            self._fs.pipe_file(path, data, **self._upload_options(data))

    def copy(self, source: str, target: str) -> None:
        """Copy an object on the server's side."""
        self._fs.invalidate_cache()
        if self._kind == "azure":
            copy_blob(self._fs, self._path_of_object(source), self._path_of_object(target))
        else:
            self._fs.cp_file(self._path_of_object(source), self._path_of_object(target))

    def delete_at_once(self, names: Sequence[str]) -> bool:
        """Remove objects with one request, on S3. s3fs does not report objects that S3 kept."""
        paths = [self._path_of_object(name) for name in names]
        # `rm` expands patterns, and would remove all objects that match one.
        if self._kind != "s3" or len(paths) > S3_KEYS_MAX or any(map(has_magic, paths)):
            return False
        self._fs.rm(paths)
        return True

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._fs.rm_file(self._path_of_object(name))

    def _path_of_object(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _upload_options(self, data: bytes) -> dict[str, Any]:
        """Return options that keep s3fs and gcsfs from splitting an upload; adlfs commits its pieces."""
        match self._kind:
            case "s3":
                return {"chunksize": len(data) + 1}
            case "gcs":  # from its chunk's size on, gcsfs sends the bytes alone, after a request
                return {"chunksize": len(data) + (0 if _is_cut_in_multipart(data) else 1)}
            case _:
                return {}


def _is_cut_in_multipart(data: bytes) -> bool:
    """Return whether a reader of a multipart body would see the end of the bytes too early.

    A carriage return at the end would belong to the line end before the boundary.
    """
    return _GCSFS_BOUNDARY in data or data.endswith(b"\r")
