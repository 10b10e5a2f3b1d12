"""A store that calls a check before each request, so that a long scan can be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

    Check = Callable[[], None]


def go_on() -> None:
    """Let a scan continue: the check that never ends it."""


class CheckedStore:
    """An ObjectStore that calls `check` before each request.

    Args:
        check: raises to end the work. It must be safe to leave unfinished whatever is done through
            this store.
    """

    def __init__(self, store: ObjectStore, check: Check) -> None:
        self._store = store
        self._check = check

    def uri(self, name: str) -> str:
        """Return an object's URI, as in `ObjectStore`."""
        return self._store.uri(name)

    def read(self, name: str, *, bytes_max: int) -> bytes | None:  # noqa: D102
        self._check()
        return self._store.read(name, bytes_max=bytes_max)

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:  # noqa: D102
        self._check()
        return self._store.read_end(name, bytes_max=bytes_max)

    def list_visible(self) -> list[str]:  # noqa: D102
        self._check()
        return self._store.list_visible()

    def list(self, prefix: str) -> list[str]:  # noqa: D102
        self._check()
        return self._store.list(prefix)

    def create(self, name: str, data: bytes) -> bool:  # noqa: D102
        self._check()
        return self._store.create(name, data)

    def write(self, name: str, data: bytes) -> None:  # noqa: D102
        self._check()
        self._store.write(name, data)

    def copy(self, source: str, target: str) -> None:  # noqa: D102
        self._check()
        self._store.copy(source, target)

    def delete(self, name: str) -> None:  # noqa: D102
        self._check()
        self._store.delete(name)

    def delete_all(self, names: Sequence[str]) -> None:  # noqa: D102
        self._check()
        self._store.delete_all(names)
