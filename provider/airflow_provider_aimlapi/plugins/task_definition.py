"""Reads how a DAG defines a task, from the serialized DAG in Airflow's database, within limits."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import LargeBinary, func, select

from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.plugins.task_key import text_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.plugins.task_key import TaskKey

DAG_BYTES_MAX = 16 * 2**20
"""More than DAGs of thousands of tasks take. A larger value could fill this server's memory."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class _Delay(msgspec.Struct, frozen=True):
    seconds: Seconds = msgspec.field(name="__var")


class _Shared(msgspec.Struct, frozen=True):
    """The arguments that all instances of a mapped task share."""

    retry_delay: _Delay | Seconds | None = None
    retry_exponential_backoff: bool | float | None = None


class TaskDefinition(msgspec.Struct, frozen=True):
    """A task as a serialized DAG has it.

    Attributes:
        task_type, module: the operator's class, and where it is defined.
        retry_delay: seconds; None if the definition leaves it to Airflow's configuration.
        retry_exponential_backoff: anything but 0, 1 and False makes each delay longer.
    """

    task_id: str
    task_type: str
    module: str = msgspec.field(name="_task_module")
    retry_delay: Seconds | None = None
    retry_exponential_backoff: bool | float | None = None
    partial_kwargs: _Shared = _Shared()

    def retry_delay_s(self) -> float | None:
        """Return the seconds between two tries, if the definition fixes them."""
        shared = self.partial_kwargs
        backoff = self.retry_exponential_backoff or shared.retry_exponential_backoff
        if backoff is True or (backoff or 0) not in {0, 1}:
            return None
        common = shared.retry_delay
        delay = common.seconds if isinstance(common, _Delay) else common
        return self.retry_delay if delay is None else delay


class _Operator(msgspec.Struct, frozen=True):
    task: TaskDefinition = msgspec.field(name="__var")


class _Dag(msgspec.Struct, frozen=True):
    tasks: list[_Operator]


class _SerializedDag(msgspec.Struct, frozen=True):
    dag: _Dag


def task_definitions(key: TaskKey, session: Any) -> list[TaskDefinition]:
    """Return the definitions of a task in the DAG version of its instance; several is an attack.

    Raises:
        JournalUnreadable: the stored DAG is too large, or is none.
    """
    stored = _read_definition(key, session)
    if stored is None:
        return []
    dag = decode_stored(stored, _SerializedDag, what="The DAG", bytes_max=DAG_BYTES_MAX).dag
    return [each.task for each in dag.tasks if each.task.task_id == key.task_id]


def _read_definition(key: TaskKey, session: Any) -> str | bytes | None:
    """Return the serialized DAG in the version of the task instance, cut after its limit."""
    columns = SerializedDagModel.__table__.c
    packed = func.substr(columns.data_compressed, 1, DAG_BYTES_MAX, type_=LargeBinary)
    version = select(TaskInstance.dag_version_id).where(key.matches_in(TaskInstance))
    query = select(text_of(columns.data, DAG_BYTES_MAX), packed).where(
        columns.dag_version_id == version.scalar_subquery()
    )
    found = session.execute(query).first()
    if found is None:
        return None
    # Airflow stores it compressed if it is configured so. Decompression stops one byte after the limit,
    # because a few kB may unpack to gigabytes.
    text, packed_bytes = found
    if packed_bytes is None:
        return None if text is None else str(text)
    return zlib.decompressobj().decompress(packed_bytes, DAG_BYTES_MAX + 1)
