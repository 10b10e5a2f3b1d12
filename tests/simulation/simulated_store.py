"""The object store of the simulated world, and each process's way to it, on which things go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.errors import StorageError, StoreUnavailable
from tests.simulation.weather import store_fate

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.fakes.memory_store import MemoryStore
    from tests.simulation.process import Process
    from tests.simulation.watch import Watcher
    from tests.simulation.weather import Sky


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
        watcher: Watcher,
    ) -> None:
        self._process = process
        self._objects = objects
        self._sky = sky
        self._random = random
        self._watcher = watcher

    def uri(self, name: str) -> str:
        return f"memory://output/{name}"

    def read(self, name: str) -> bytes | None:
        result: bytes | None = self._ask("read", name, lambda: self._objects.read(name))
        return result

    def list(self, prefix: str) -> list[str]:
        result: list[str] = self._ask("list", prefix, lambda: self._objects.list(prefix))
        return result

    def create(self, name: str, data: bytes) -> bool:
        result: bool = self._ask("create", name, lambda: self._objects.create(name, data), data)
        return result

    def write(self, name: str, data: bytes) -> None:
        self._ask("write", name, lambda: self._objects.write(name, data), data)

    def copy(self, source: str, target: str) -> None:
        self._ask("copy", target, lambda: self._objects.copy(source, target))

    def delete(self, name: str) -> None:
        self._ask("delete", name, lambda: self._objects.delete(name))

    def _ask(self, kind: str, name: str, act: Callable[[], Any], data: bytes = b"") -> Any:
        process = self._process
        process.note_operation(f"{kind} {name}")
        now_s = process.scheduler.now_s
        fate = store_fate(
            self._sky.weather,
            now_s,
            self._random,
            is_create=kind == "create",
            is_cut_off=now_s < process.cut_off_until_s,
        )

        def arrive() -> Any:
            """At the store: nobody can freeze or kill what happens here, but it may get lost."""
            if process.loop.is_dead and not process.lands(self._random):
                process.tell(f"{kind} {name}: lost on its way")
                return None
            if not fate.is_done:
                process.tell(f"{kind} {name}: {fate.error}")
                return StoreUnavailable(f"{kind} {name}: {fate.error}")
            try:
                result = act()
            except StorageError as error:
                process.tell(f"{kind} {name}: {error}")
                return error
            process.tell(f"{kind} {name}: {_told(result)}{fate.error or ''}")
            self._watcher.saw(process, kind, name, data, result)
            if fate.error:
                return StoreUnavailable(f"{kind} {name}: {fate.error}")
            return result

        def begin(resume: Callable[[Any], None]) -> None:
            def travel_back() -> None:
                answer = arrive()
                process.loop.call_from_world(fate.back_s, resume, answer)

            process.scheduler.after(fate.there_s, travel_back)

        return process.wait_in_thread(begin)


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
