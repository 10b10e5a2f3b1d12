"""An object store in a dict, for tests of the layers above. It passes the stores' own tests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.errors import StoreUnsafe
from airflow_provider_aimlapi.storage.stores.object_store import check_name, check_size

if TYPE_CHECKING:
    from collections.abc import Sequence


class MemoryStore:
    """An ObjectStore whose `objects` map names to bytes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def uri(self, name: str) -> str:
        if name:
            _check(name.removesuffix("/"))
        return f"memory-store://{name}"

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        _check(name)
        with self._lock:
            data = self.objects.get(name)
        if data is not None:
            check_size(len(data), bytes_max=bytes_max, uri=self.uri(name))
        return data

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        _check(name)
        with self._lock:
            data = self.objects.get(name)
        return None if data is None else data[-bytes_max:]

    def list_visible(self) -> list[str]:
        return [name for name in self.list("") if not name.startswith(f"{RUNS_FOLDER}/")]

    def list(self, prefix: str) -> list[str]:
        if prefix:
            _check(prefix.removesuffix("/"))
        with self._lock:
            found = [name for name in self.objects if name.startswith(prefix)]
        return sorted(filter(is_object_name, found))

    def create(self, name: str, data: bytes) -> bool:
        _check(name)
        with self._lock:
            if name in self.objects:
                return False
            self.objects[name] = data
            return True

    def write(self, name: str, data: bytes) -> None:
        _check(name)
        with self._lock:
            self.objects[name] = data

    def copy(self, source: str, target: str) -> None:
        _check(source)
        _check(target)
        with self._lock:
            if source not in self.objects:
                raise StoreUnsafe(f"Cannot copy {source}: it is not there")
            self.objects[target] = self.objects[source]

    def delete(self, name: str) -> None:
        _check(name)
        with self._lock:
            self.objects.pop(name, None)

    def delete_all(self, names: Sequence[str]) -> None:
        for name in names:
            _check(name)
        for name in names:
            self.delete(name)


def _check(name: str) -> None:
    check_name(name, is_taken=True, root_uri="memory-store://")
