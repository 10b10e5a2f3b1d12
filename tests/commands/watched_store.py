"""An object store that lets a test act, or fail, just before any of its operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


class WatchedStore:
    """Another store; `before(operation, name)` is called first, and may raise."""

    def __init__(self, store: ObjectStore, before: Callable[[str, str], None]) -> None:
        self._store = store
        self._before = before

    def uri(self, name: str) -> str:
        return self._store.uri(name)

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        self._before("read", name)
        return self._store.read(name, bytes_max=bytes_max)

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        self._before("read", name)
        return self._store.read_end(name, bytes_max=bytes_max)

    def list_visible(self) -> list[str]:
        self._before("list", "")
        return self._store.list_visible()

    def list(self, prefix: str) -> list[str]:
        self._before("list", prefix)
        return self._store.list(prefix)

    def create(self, name: str, data: bytes) -> bool:
        self._before("create", name)
        return self._store.create(name, data)

    def write(self, name: str, data: bytes) -> None:
        self._before("write", name)
        self._store.write(name, data)

    def copy(self, source: str, target: str) -> None:
        self._before("copy", source)
        self._store.copy(source, target)

    def delete(self, name: str) -> None:
        self._before("delete", name)
        self._store.delete(name)

    def delete_all(self, names: Sequence[str]) -> None:
        for name in names:
            self.delete(name)
