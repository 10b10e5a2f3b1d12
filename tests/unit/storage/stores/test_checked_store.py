"""Each request to a checked store is preceded by the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.storage.stores.checked_store import CheckedStore
from tests.fakes.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

REQUESTS: dict[str, Callable[[ObjectStore], object]] = {
    "read": lambda store: store.read("a", bytes_max=9),
    "read_end": lambda store: store.read_end("a", bytes_max=1),
    "list": lambda store: store.list(""),
    "create": lambda store: store.create("a", b"other"),
    "write": lambda store: store.write("a", b"ab"),
    "copy": lambda store: store.copy("a", "b"),
    "delete": lambda store: store.delete("a"),
    "delete_all": lambda store: store.delete_all(["a"]),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_checked_store_does_what_the_store_does(
    request_: Callable[[ObjectStore], object],
) -> None:
    plain, checked = MemoryStore(), MemoryStore()
    for store in (plain, checked):
        store.objects["a"] = b"ab"
    assert request_(CheckedStore(checked, lambda: None)) == request_(plain)
    assert checked.objects == plain.objects


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_failing_check_keeps_a_request_from_the_store(
    request_: Callable[[ObjectStore], object],
) -> None:
    store = MemoryStore()
    store.objects["a"] = b"ab"

    def check() -> None:
        raise RunInterrupted("stop")

    with pytest.raises(RunInterrupted):
        request_(CheckedStore(store, check))
    assert store.objects == {"a": b"ab"}
