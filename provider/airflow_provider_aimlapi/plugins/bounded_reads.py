"""Reads stores in threads of its own: few reads at a time, each with a time limit."""

from __future__ import annotations

from concurrent.futures import Future
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.plugins.progress_unreadable import ServerBusy, StoreTooSlow

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.plugins.progress_source import ProgressSource

    Read = Callable[[ProgressSource], bytes | None]


class BoundedReads:
    """Reads progress objects.

    A read that hangs, as on a dead mount, cannot be stopped. It keeps one thread, so the limits below
    hold for hanging reads too. Requests for an object that is being read wait for that read.

    Args:
        reads_max: the most reads at a time in this process. Four threads cost nothing while they
            wait. Each read that hangs keeps one of them for good.
        reads_of_dag_max: the most reads at a time for one DAG. Half of `reads_max`, because one DAG's
            hanging store must not stop the pages of other DAGs.
        waiting_max: the most requests that wait at a time. Each of them occupies one of the server's
            40 threads, so Airflow's own pages keep 32.
        timeout_s: how long a request waits. The read continues, and may serve the next request.
    """

    def __init__(
        self,
        *,
        reads_max: int = 4,
        reads_of_dag_max: int = 2,
        waiting_max: int = 8,
        timeout_s: float = 10.0,
    ) -> None:
        self._reads_max = reads_max
        self._reads_of_dag_max = reads_of_dag_max
        self._timeout_s = timeout_s
        self._waiting = BoundedSemaphore(waiting_max)
        """One slot for each request that waits."""
        self._lock = Lock()
        """Guards `_running`, which requests and reads change from threads of their own."""
        self._running: dict[ProgressSource, Future[bytes | None]] = {}
        """The reads under way, by object, so that a second request shares a read."""

    def result_of_read(self, source: ProgressSource, read: Read) -> bytes | None:
        """Return the result of a read, or raise its error.

        Raises:
            ServerBusy: a limit is reached, and nothing was read.
            StoreTooSlow: the read takes longer than the time limit.
        """
        # Not blocking: a request that waited for a slot would occupy a thread of the server itself.
        if not self._waiting.acquire(blocking=False):
            raise ServerBusy
        try:
            return self._join_or_begin(source, read).result(self._timeout_s)
        except TimeoutError:
            raise StoreTooSlow from None
        finally:
            self._waiting.release()

    def _join_or_begin(self, source: ProgressSource, read: Read) -> Future[bytes | None]:
        """Return the read of this object that is under way, or begin one."""
        # 1. A read of the same object serves this request, too, whatever the limits are.
        # 2. Otherwise both limits must leave room: the one of all reads and the one of the DAG.
        with self._lock:
            if (running := self._running.get(source)) is not None:
                return running
            of_dag = sum(other.dag_id == source.dag_id for other in self._running)
            if len(self._running) >= self._reads_max or of_dag >= self._reads_of_dag_max:
                raise ServerBusy
            future = self._running[source] = Future()
        # A daemon thread, because a read that hangs must not keep the server from ending.
        Thread(target=self._run_read, args=(source, read, future), daemon=True).start()
        return future

    def _run_read(self, source: ProgressSource, read: Read, future: Future[bytes | None]) -> None:
        try:
            data = read(source)
        except BaseException as error:  # noqa: BLE001  # raised again in `result_of_read`
            self._forget_read(source)
            future.set_exception(error)
        else:
            self._forget_read(source)
            future.set_result(data)

    def _forget_read(self, source: ProgressSource) -> None:
        with self._lock:
            del self._running[source]
