"""The object store of the simulated world, and each process's way to it, on which things go wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aimlapi.errors import StoreUnavailable
from lab.simulation.weather import store_fate, store_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from lab.simulation.process import Process
    from lab.simulation.weather import Refusal, Sky, StoreFate
    from tests.fakes.memory_store import MemoryStore


Names = list[str]


class Witness(Protocol):
    """Sees what the store does."""

    def saw(self, process: Process, kind: str, name: str, data: bytes, result: object) -> None:
        """Record that an operation has had its effect."""
        ...


class SimulatedStore:
    """An ObjectStore as one process sees it: each operation travels, and may fail on its way.

    Args:
        objects: shared by all processes; what an operation does, it does here at one instant.
    """

    def __init__(
        self,
        process: Process,
        objects: MemoryStore,
        *,
        sky: Sky,
        random: Random,
        watcher: Witness,
    ) -> None:
        self._process = process
        self._objects = objects
        self._sky = sky
        self._random = random
        self._watcher = watcher

    def uri(self, name: str) -> str:
        return f"memory://output/{name}"

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        result: bytes | None = self._ask(
            "read", name, lambda: self._objects.read(name, bytes_max=bytes_max)
        )
        return result

    def read_end(self, name: str, *, bytes_max: int) -> bytes | None:
        result: bytes | None = self._ask(
            "read", name, lambda: self._objects.read_end(name, bytes_max=bytes_max)
        )
        return result

    def list_visible(self) -> list[str]:
        result: list[str] = self._ask("list", "", self._objects.list_visible)
        return result

    def list(self, prefix: str) -> list[str]:
        size = self._sky.weather.names_a_page
        if size is not None and "/journal/" in prefix:
            return self._list_by_pages(prefix, size)
        result: list[str] = self._ask("list", prefix, lambda: self._objects.list(prefix))
        return result

    def _list_by_pages(self, prefix: str, size: int) -> Names:
        """List in pages, as real stores do. A change during the listing appears on some pages only.

        A file system lists in any order. This is the worst one: what has come last is first.
        """
        found: Names = []
        kind = "list"
        while True:
            last = _place(found[-1]) if found else None

            def page(last: tuple[int, str] | None = last) -> Names:
                names = sorted(self._objects.list(prefix), key=_place, reverse=True)
                return [name for name in names if last is None or _place(name) < last][:size]

            names: Names = self._ask(kind, prefix, page)
            found += names
            if len(names) < size:
                return sorted(found)
            kind = "list on"

    def create(self, name: str, data: bytes) -> bool:
        result: bool = self._ask("create", name, lambda: self._objects.create(name, data), data)
        return result

    def write(self, name: str, data: bytes) -> None:
        self._ask("write", name, lambda: self._objects.write(name, data), data)

    def copy(self, source: str, target: str) -> None:
        self._ask("copy", target, lambda: self._objects.copy(source, target))

    def delete(self, name: str) -> None:
        self._ask("delete", name, lambda: self._objects.delete(name))

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete one after another, because a process may die between any two of them."""
        for name in names:
            self.delete(name)

    def _ask(self, kind: str, name: str, act: Callable[[], Any], data: bytes = b"") -> Any:
        """Send an operation, and block the thread until its answer is there."""
        process = self._process
        process.note_operation(f"{kind} {name}")
        if not process.open_socket():
            if process.has_called:  # before it, no answer waits, and a scan's request is sent again
                process.loop.mishaps.append("no descriptor is left for the store")
            raise StoreUnavailable(f"{kind} {name}: too many open files")
        try:
            return self._travel(kind, name, act, data)
        finally:
            process.close_sockets()

    def _travel(self, kind: str, name: str, act: Callable[[], Any], data: bytes) -> Any:
        """Send an operation, and wait for its result."""
        process = self._process
        fate = store_fate(
            self._sky.weather,
            process.scheduler.now_s,
            self._random,
            is_create=kind == "create",
            is_cut_off=process.scheduler.now_s < process.cut_off_until_s,
        )
        refusal = store_refusal(self._sky.weather, process.scheduler.now_s, f"{kind} {name}")
        if refusal is not None:
            act = partial(_refuse, refusal, f"{kind} {name}")

        def begin(resume: Callable[[Any], None]) -> None:
            def arrive() -> None:
                answer = self._done(kind, name, act, data, fate)
                process.loop.call_from_world(fate.back_s, resume, answer)

            def depart() -> None:
                process.scheduler.after(fate.there_s, arrive)

            if self._random.random() < self._sky.weather.store_dawdling:
                process.loop.call_from_world(self._random.uniform(0.0, 0.02), depart)
            else:
                depart()

        return process.wait_in_thread(begin)

    def _done(
        self, kind: str, name: str, act: Callable[[], Any], data: bytes, fate: StoreFate
    ) -> Any:
        """Do the operation at the store, even if the process dies; return the result or an error."""
        process = self._process
        error = fate.error
        if not process.lands(self._random):
            error = "lost on its way"
        elif fate.is_done:
            try:
                result = act()
            except Exception as refused:  # noqa: BLE001  # raised in the caller
                process.tell(f"{kind} {name}: {refused}")
                return refused
            process.tell(f"{kind} {name}: {_told(result)}{error or ''}")
            self._watcher.saw(process, kind, name, data, result)
            return result if error is None else StoreUnavailable(f"{kind} {name}: {error}")
        process.tell(f"{kind} {name}: {error}")
        return StoreUnavailable(f"{kind} {name}: {error}")


def _place(name: str) -> tuple[int, str]:
    """Return a sort key, by which merged segments are last, because their names are the longest."""
    return len(name), name


def _refuse(refusal: Refusal, operation: str) -> None:
    raise refusal.error(f"{operation}: refused")


def _told(result: Any) -> str:
    match result:
        case None:
            return "nothing there or done "
        case bytes():
            return f"{len(result)} bytes "
        case list():
            return f"{len(result)} names "
        case _:
            return f"{result} "
