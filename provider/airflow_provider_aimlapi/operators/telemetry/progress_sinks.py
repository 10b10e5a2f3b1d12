"""The sinks of a run's progress: Airflow's task state store, or an object beside the output.

The run page reads both; see `plugins.task_progress`.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import conf

from airflow_provider_aimlapi.core.reporting.run_progress import (
    TEXT_BYTES_MAX,
    as_parked,
    decode_progress,
    encode_progress,
    error_text,
    failed_early,
)
from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.operators.airflow_errors import our_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.engine.world import ProgressSink
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)

PARKED_S_MAX = 10.0
"""How long a task that is parked waits for its sink. Parking must not depend on the run page."""
STATE_KEY = "aimlapi_progress"
"""The key in the task state store."""
RUN_KEY = "aimlapi_run_key"
"""The key in XCom of the run key, which names the progress object if there is no task state store.

The run page takes nothing else from XCom, because users of Airflow may write there. It takes the
output's path and the connection from the task's rendered fields.
"""


def workers_keep_state() -> bool:
    """Return whether workers keep task state in a backend of their own.

    Airflow's database then holds a reference that only workers can follow.
    """
    return bool(conf.get("workers", "state_store_backend", fallback=""))


class TaskState:
    """Airflow's task state store, from 3.3 on. Its contents outlive retries and kills of the task.

    Attributes:
        interval_s: seconds between two writes. A write takes about 12 ms, most of it waiting.
        is_shared: False, because the state belongs to one task instance.
    """

    interval_s = 2.0
    is_shared = False

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def recall(self) -> bytes | None:
        """Return the progress that an earlier try of the task stored."""
        value = self._accessor.get(STATE_KEY)
        return None if value is None else json.dumps(value).encode()

    def publish(self, data: bytes) -> None:
        """Store the progress as a JSON value, which Airflow encodes again."""
        self._accessor.set(STATE_KEY, json.loads(data))


class AnnouncedObject:
    """The progress object, with the run key in XCom, by which the run page finds it."""

    def __init__(self, sink: ProgressSink, announce: Callable[[], object]) -> None:
        self.interval_s = sink.interval_s
        self.is_shared = sink.is_shared
        self._sink = sink
        self._announce = announce

    def recall(self) -> bytes | None:
        """Put the run key into XCom, and return what the object holds."""
        # The engine calls this before it stores anything, so the page finds the first progress.
        self._announce()
        return self._sink.recall()

    def publish(self, data: bytes) -> None:
        """Store the progress in the object."""
        self._sink.publish(data)


class ProgressSinkOpener:
    """Opens the sink of a run's progress once the run's store and names are known.

    Args:
        context: the context of the running task.
    """

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._sink: ProgressSink | None = None
        """Kept for `report_parked`, which runs after the engine has ended."""
        self._has_failed_early = False
        """Whether an early failure is stored. Each level of a template that fails reports it again."""

    def __call__(self, store: ObjectStore, names: RunNames) -> ProgressSink:
        """Return the task state store if the run page can read it, else an object beside the output."""
        self._sink = self._open_sink(store, names)
        return self._sink

    def report_parked(self, notice: str) -> None:
        """Store, after the attempt has ended, that the run continues later.

        A failure is logged and not raised. The task waits for ten seconds at most.
        """
        _report_in_time(lambda: self._report_parked(notice), "is parked")

    @contextmanager
    def reports_failure(self, model: object) -> Iterator[None]:
        """Store why the task fails, if it fails before its run reports anything.

        It does nothing without a task state store, because no output is known before the run begins.
        A failure to store it is logged and not raised. The task waits for ten seconds at most.
        """
        try:
            yield
        # A task that is parked has not failed.
        except AirflowRescheduleException:
            raise
        except Exception as error:
            accessor = self._state_accessor()
            # Once the sink is open, the run itself stores why it failed.
            if self._sink is None and accessor is not None and not self._has_failed_early:
                self._has_failed_early = True
                store = partial(
                    _report_early,
                    TaskState(accessor),
                    error_text(our_error(error) or error),
                    str(model),
                )
                _report_in_time(store, "has failed")
            raise

    def _report_parked(self, notice: str) -> None:
        data = self._sink.recall() if self._sink is not None else None
        progress = decode_progress(data) if data is not None else None
        if self._sink is not None and progress is not None:
            shown = as_parked(progress, cut_to_bytes(notice, TEXT_BYTES_MAX))
            self._sink.publish(encode_progress(shown))

    def _open_sink(self, store: ObjectStore, names: RunNames) -> ProgressSink:
        # 1. The task state store, unless the API server could not read what workers put there.
        # 2. An object beside the output, which the page finds by the run key in XCom.
        # 3. Without a task instance, as in a test of a DAG, no page looks for it: no XCom either.
        accessor = self._state_accessor()
        if accessor is not None:
            return TaskState(accessor)
        from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject

        sink, instance = ProgressObject(store, names), self._context.get("ti")
        if instance is None:
            return sink
        run_key = names.run_key
        return AnnouncedObject(sink, lambda: instance.xcom_push(key=RUN_KEY, value=run_key))

    def _state_accessor(self) -> Any:
        """Return Airflow's access to the task state store; None if the run page could not read it."""
        return None if workers_keep_state() else self._context.get("task_state_store")


def _report_early(state: TaskState, error: str, model: str) -> None:
    from airflow_provider_aimlapi.engine.runtime.clock import SystemClock

    data = state.recall()
    recalled = decode_progress(data) if data is not None else None
    now_us = SystemClock().wall_us()
    progress = failed_early(recalled, error=error, model=model, at_us=now_us)
    state.publish(encode_progress(progress))


def _report_in_time(report: Callable[[], None], what: str) -> None:
    """Do work that blocks, and leave it behind after a while. An error is logged."""

    def report_failure() -> None:
        try:
            report()
        except Exception as error:  # noqa: BLE001  # the task goes on, whether the page shows it or not
            log.warning(
                "The run page does not show that the task %s: %s: %s",
                what,
                type(error).__name__,
                error,
            )

    # A thread, because a store that hangs cannot be stopped, and a daemon, so that it can be left.
    thread = threading.Thread(target=report_failure, daemon=True)
    thread.start()
    thread.join(PARKED_S_MAX)
    if thread.is_alive():
        log.warning(
            "The run page does not show that the task %s: the sink did not answer for %s.",
            what,
            format_duration(PARKED_S_MAX),
        )
