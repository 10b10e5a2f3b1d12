"""Where a task shows its run's progress: in Airflow's task state store, or beside the output.

The run page reads both; see `plugins.task_progress`.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_aimlapi.core.reporting.run_progress import (
    TEXT_BYTES_MAX,
    decode_progress,
    encode_progress,
    parked,
)
from airflow_provider_aimlapi.core.texts.redaction import cut
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.engine.world import ProgressSink
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)

PARKED_S_MAX = 10.0
"""How long a task that is parked waits for the place that shows so."""
STATE_KEY = "aimlapi_progress"
"""In the task state store."""
RUN_KEY = "aimlapi_run_key"
"""In XCom: the run key, which names the progress object when there is no task state store.

It is all that the run page takes from XCom, because users of Airflow may write there. The page gets
the output's path and the connection from the task's definition.
"""


def workers_keep_state() -> bool:
    """Return whether workers keep task state in a backend of their own.

    Airflow's database then holds a reference, which only workers can follow.
    """
    return bool(conf.get("workers", "state_store_backend", fallback=""))


class TaskState:
    """Airflow's task state store, from 3.3 on: it outlives retries and kills of the task.

    Attributes:
        interval_s: a write takes about 12 ms, most of it waiting.
        is_shared: it belongs to the task instance alone.
    """

    interval_s = 2.0
    is_shared = False

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def recall(self) -> bytes | None:
        """What an earlier try of the task published."""
        value = self._accessor.get(STATE_KEY)
        return None if value is None else json.dumps(value).encode()

    def publish(self, data: bytes) -> None:
        """As JSON, which Airflow takes apart and puts together again."""
        self._accessor.set(STATE_KEY, json.loads(data))


class AnnouncedObject:
    """The progress object, and the run key in XCom, by which the page finds it."""

    def __init__(self, sink: ProgressSink, announce: Callable[[], object]) -> None:
        self.interval_s = sink.interval_s
        self.is_shared = sink.is_shared
        self._sink = sink
        self._announce = announce

    def recall(self) -> bytes | None:
        """As the object has it. Comes before anything is published, so it is announced here."""
        self._announce()
        return self._sink.recall()

    def publish(self, data: bytes) -> None:
        """As the object does."""
        self._sink.publish(data)


class ProgressPlace:
    """Makes the place for a run's progress, once its store and its names are known.

    Args:
        context: of the running task.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._sink: ProgressSink | None = None

    def __call__(self, store: ObjectStore, names: RunNames) -> ProgressSink:
        """The task state store if the page can read it, else an object beside the output."""
        self._sink = self._opened(store, names)
        return self._sink

    def tell_parked(self, said: str) -> None:
        """Say after the run has ended that it goes on later. Never harms the task, nor holds it up."""
        thread = threading.Thread(target=self._tell_parked, args=(said,), daemon=True)
        thread.start()
        thread.join(PARKED_S_MAX)
        if thread.is_alive():
            log.warning("The run's page does not say so: no answer for %.0f s", PARKED_S_MAX)

    def _tell_parked(self, said: str) -> None:
        try:
            data = self._sink.recall() if self._sink is not None else None
            progress = decode_progress(data) if data is not None else None
            if self._sink is not None and progress is not None:
                self._sink.publish(encode_progress(parked(progress, cut(said, TEXT_BYTES_MAX))))
        except Exception as error:  # noqa: BLE001  # whatever it is, the task is parked without
            log.warning("The run's page does not say so: %s: %s", type(error).__name__, error)

    def _opened(self, store: ObjectStore, names: RunNames) -> ProgressSink:
        accessor = self._context.get("task_state_store")
        if accessor is not None and not workers_keep_state():
            return TaskState(accessor)
        from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject

        sink, instance = ProgressObject(store, names), self._context.get("ti")
        if instance is None:
            return sink
        run_key = names.run_key
        return AnnouncedObject(sink, lambda: instance.xcom_push(key=RUN_KEY, value=run_key))
