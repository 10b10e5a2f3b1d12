"""Where a task shows its progress: Airflow's task state store if there is one, else beside the output."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_aimlapi.core.keys import RunNames
from airflow_provider_aimlapi.operators.progress_places import (
    PLACE_KEY,
    STATE_KEY,
    ProgressPlace,
)
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="ab" * 16)
WHERE = {"output_path": "s3://lake/out/", "storage_conn_id": "lake"}


class StateStore:
    """Airflow's accessor, as a task sees it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


class Instance:
    """A task instance, as far as XCom goes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def test_the_task_state_store_takes_progress_and_gives_it_back() -> None:
    state, store = StateStore(), MemoryStore()
    place = ProgressPlace({"task_state_store": state, "ti": Instance()}, **WHERE)
    sink = place(store, NAMES)
    assert sink.recall() is None
    sink.publish(b'{"rows": 7}')
    assert state.values == {STATE_KEY: {"rows": 7}}
    assert json.loads(sink.recall() or b"") == {"rows": 7}
    assert store.objects == {}
    assert not sink.is_shared


def test_without_one_it_lies_beside_the_output_and_xcom_says_where() -> None:
    instance, store = Instance(), MemoryStore()
    sink = ProgressPlace({"ti": instance}, **WHERE)(store, NAMES)
    assert sink.recall() is None
    assert instance.pushed == {PLACE_KEY: {**WHERE, "run_key": NAMES.run_key}}
    sink.publish(b'{"rows": 7}')
    assert store.objects == {NAMES.progress: b'{"rows": 7}'}
    assert sink.recall() == b'{"rows": 7}'
    assert sink.is_shared


def test_a_share_has_a_place_of_its_own() -> None:
    instance, store = Instance(), MemoryStore()
    names = RunNames(run_key=NAMES.run_key, share=3)
    sink = ProgressPlace({"ti": instance}, **WHERE)(store, names)
    sink.recall()
    assert instance.pushed[PLACE_KEY] == {**WHERE, "run_key": NAMES.run_key, "share": 3}
    sink.publish(b"{}")
    assert list(store.objects) == [f"_aimlapi/{NAMES.run_key}/share/0003/progress.json"]


def test_a_state_store_of_the_workers_own_is_not_used_for_the_server_could_not_read_it(
    monkeypatch: Any,
) -> None:
    monkeypatch.setenv("AIRFLOW__WORKERS__STATE_STORE_BACKEND", "some.Backend")
    state, store = StateStore(), MemoryStore()
    sink = ProgressPlace({"task_state_store": state, "ti": Instance()}, **WHERE)(store, NAMES)
    sink.publish(b"{}")
    assert state.values == {}
    assert list(store.objects) == [NAMES.progress]
