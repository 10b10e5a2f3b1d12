"""Runs reads of stores beside the server's own threads: few at a time, each with a time limit."""

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
    """Reads of progress objects.

    A read that hangs, as on a dead mount, cannot be stopped. It keeps one thread, so the limits below
    hold for hanging reads too. Requests for an object that is being read wait for that same read.

    Args:
        reads_max: at a time, in this process. 4 threads cost nothing while they wait.
        reads_of_dag_max: at a time, for one DAG: its hanging store must not stop other DAGs' pages.
        waiting_max: requests that wait at a time. Each occupies one of the server's 40 threads.
        timeout_s: how long a request waits. The read goes on, and may serve the next request.
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
        self._lock = Lock()
        self._running: dict[ProgressSource, Future[bytes | None]] = {}

    def result(self, source: ProgressSource, read: Read) -> bytes | None:
        """Return what a read returns, or raise what it raises.

        Raises:
            ServerBusy: a limit is reached; nothing was read.
            StoreTooSlow: the read takes longer than the time limit.
        """
        if not self._waiting.acquire(blocking=False):
            raise ServerBusy
        try:
            return self._begun(source, read).result(self._timeout_s)
        except TimeoutError:
            raise StoreTooSlow from None
        finally:
            self._waiting.release()

    def _begun(self, source: ProgressSource, read: Read) -> Future[bytes | None]:
        """Return the read of this object that is under way, or begin one."""
        with self._lock:
            if (running := self._running.get(source)) is not None:
                return running
            of_dag = sum(other.dag_id == source.dag_id for other in self._running)
            if len(self._running) >= self._reads_max or of_dag >= self._reads_of_dag_max:
                raise ServerBusy
            future = self._running[source] = Future()
        # A daemon: a read that hangs must not keep the server from ending.
        Thread(target=self._run, args=(source, read, future), daemon=True).start()
        return future

    def _run(self, source: ProgressSource, read: Read, future: Future[bytes | None]) -> None:
        try:
            data = read(source)
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._forget(source)
            future.set_exception(error)
        else:
            self._forget(source)
            future.set_result(data)

    def _forget(self, source: ProgressSource) -> None:
        with self._lock:
            del self._running[source]
