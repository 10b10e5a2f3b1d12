"""Where a task shows its progress: Airflow's task state store if there is one, else beside the output."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.operators.telemetry import progress_sinks as progress_places
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import (
    RUN_KEY,
    STATE_KEY,
    ProgressSinkOpener,
)
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="ab" * 16)


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


def test_state_store_returns_stored_progress() -> None:
    state, store = StateStore(), MemoryStore()
    place = ProgressSinkOpener({"task_state_store": state, "ti": Instance()})
    sink = place(store, NAMES)
    assert sink.recall() is None
    sink.publish(b'{"rows": 7}')
    assert state.values == {STATE_KEY: {"rows": 7}}
    assert json.loads(sink.recall() or b"") == {"rows": 7}
    assert store.objects == {}
    assert not sink.is_shared


def test_without_one_xcom_names_the_run_and_nothing_else() -> None:
    instance, store = Instance(), MemoryStore()
    sink = ProgressSinkOpener({"ti": instance})(store, NAMES)
    assert sink.recall() is None
    assert instance.pushed == {RUN_KEY: NAMES.run_key}
    sink.publish(b'{"rows": 7}')
    assert store.objects == {NAMES.progress_name: b'{"rows": 7}'}
    assert sink.recall() == b'{"rows": 7}'
    assert sink.is_shared


def test_shares_have_progress_objects_of_their_own() -> None:
    instance, store = Instance(), MemoryStore()
    names = RunNames(run_key=NAMES.run_key, share=3)
    sink = ProgressSinkOpener({"ti": instance})(store, names)
    sink.recall()
    assert instance.pushed == {RUN_KEY: NAMES.run_key}
    sink.publish(b"{}")
    assert list(store.objects) == [f"_aimlapi/{NAMES.run_key}/share/0003/progress.json"]


def test_workers_own_state_backend_is_not_used(
    monkeypatch: Any,
) -> None:
    """The API server could not read what workers put there."""
    monkeypatch.setenv("AIRFLOW__WORKERS__STATE_STORE_BACKEND", "some.Backend")
    state, store = StateStore(), MemoryStore()
    sink = ProgressSinkOpener({"task_state_store": state, "ti": Instance()})(store, NAMES)
    sink.publish(b"{}")
    assert state.values == {}
    assert list(store.objects) == [NAMES.progress_name]


class BlockingStateStore(StateStore):
    """Whose reads come back when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def get(self, key: str) -> Any:
        self.let_go.wait()
        return super().get(key)


@pytest.mark.timeout(30)
def test_a_state_store_that_blocks_holds_up_no_parking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress_places, "PARKED_S_MAX", 0.01)
    state = BlockingStateStore()
    place = ProgressSinkOpener({"task_state_store": state})
    place(MemoryStore(), NAMES)
    place.report_parked("until noon")
    assert "the sink did not answer" in caplog.text
    state.let_go.set()
