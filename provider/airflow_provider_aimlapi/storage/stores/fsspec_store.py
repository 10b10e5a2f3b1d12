"""The object store on any fsspec file system that can create atomically. Does not use Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.access.file_systems import kind_of, path_in, uri_of
from airflow_provider_aimlapi.storage.access.store_errors import meaning_of, store_error
from airflow_provider_aimlapi.storage.stores.local_objects import LocalObjects
from airflow_provider_aimlapi.storage.stores.object_store import check_name, check_size
from airflow_provider_aimlapi.storage.stores.remote_objects import RemoteObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.storage.access.store_errors import Action
    from airflow_provider_aimlapi.storage.stores.objects import Objects


class FsspecStore:
    """An ObjectStore below a folder of a file system.

    Args:
        fs: local, memory, s3fs, gcsfs or adlfs; not an asynchronous instance.
        root: a path or URL of that file system. It need not exist.

    Raises:
        StoreUnsafe: at construction, if the file system cannot create an object only if it is absent.
    """

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        kind = kind_of(fs)
        self._fs = fs
        self._root = path_in(fs, root)
        if kind == "other":
            raise StoreUnsafe(
                f"Use file://, s3://, gs:// or abfs://: {uri_of(fs, root)} cannot be written safely, "
                f"because {type(fs).__name__} has no way to create a file only if it is absent."
            )
        self._objects: Objects = (
            LocalObjects(self._root) if kind == "local" else RemoteObjects(fs, self._root)
        )

    def uri(self, name: str) -> str:
        """Return the location of an object, to be read by people."""
        if name:
            self._check_object_name(name.removesuffix("/"))
        return uri_of(self._fs, f"{self._root}/{name}".rstrip("/"))

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return an object's bytes; None if the store states that it does not exist."""
        # One byte more shows that an object is too large, without reading all of it.
        data = self._read_or_none(name, lambda: self._objects.read(name, bytes_max + 1))
        if data is not None:
            check_size(len(data), bytes_max=bytes_max, uri=self.uri(name))
        return data

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return an object's last bytes; None if the store states that it does not exist."""
        return self._read_or_none(name, lambda: self._objects.read_end(name, bytes_max))

    def list_visible(self) -> list[str]:
        """Return the names outside of the runs' folder, sorted, as in `list`."""
        with self._in_our_words("list", ""):
            names = self._objects.list_beside(RUNS_FOLDER)
        return sorted(filter(self._is_name, names))

    def list(self, prefix: str) -> list[str]:
        """Return all names that begin with a prefix, sorted. Names that no run makes are left out."""
        folder = prefix.removesuffix("/")
        if prefix:
            self._check_object_name(folder)
        with self._in_our_words("list", prefix):
            names = self._objects.list(folder)
        return sorted(filter(self._is_name, names))

    def create(self, name: str, data: bytes) -> bool:
        """Create an object only if it is absent."""
        self._check_object_name(name)
        try:
            self._objects.create(name, data)
        except Exception as error:  # each file system has its own errors
            if meaning_of(error) == "exists":
                return False
            raise store_error(error, action="create", uri=self.uri(name)) from error
        return True

    def write(self, name: str, data: bytes) -> None:
        """Write an object, replacing one of the same name."""
        self._check_object_name(name)
        with self._in_our_words("write", name):
            self._objects.write(name, data)

    def copy(self, source: str, target: str) -> None:
        """Write a copy of an object, replacing one of the target's name."""
        self._check_object_name(source)
        self._check_object_name(target)
        with self._in_our_words("copy", source):
            self._objects.copy(source, target)

    def delete(self, name: str) -> None:
        """Remove an object. It need not exist."""
        self._check_object_name(name)
        try:
            self._objects.delete(name)
        except Exception as error:  # each file system has its own errors
            if meaning_of(error) != "absent":
                raise store_error(error, action="delete", uri=self.uri(name)) from error

    def delete_all(self, names: Sequence[str]) -> None:
        """Remove objects, with one request if the store can. They need not exist."""
        if not names:
            return
        for name in names:
            self._check_object_name(name)
        with self._in_our_words("delete", names[0]):
            is_done = self._objects.delete_at_once(names)
        for name in () if is_done else names:
            self.delete(name)

    def _is_name(self, name: str) -> bool:
        return is_object_name(name) and self._objects.can_hold(name)

    def _check_object_name(self, name: str) -> None:
        check_name(name, is_taken=self._is_name(name), root_uri=uri_of(self._fs, self._root))

    def _read_or_none(self, name: str, call: Callable[[], bytes]) -> bytes | None:
        self._check_object_name(name)
        try:
            return call()
        except Exception as error:  # each file system has its own errors
            match meaning_of(error):
                case "absent":
                    return None
                case "past its end":  # the answer to a range request for an empty object
                    return b""
                case _:
                    raise store_error(error, action="read", uri=self.uri(name)) from error

    @contextmanager
    def _in_our_words(self, action: Action, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has its own errors
            raise store_error(error, action=action, uri=self.uri(name)) from error
