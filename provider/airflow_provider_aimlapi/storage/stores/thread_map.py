"""The port for many requests to a store at once. Starts no thread itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


class MapInThreads(Protocol):
    """Runs blocking work for each item, in several threads."""

    def __call__(
        self, call: Callable[[Item], Result], items: Iterable[Item], threads: int
    ) -> list[Result]:
        """Return the results in order."""
        ...
