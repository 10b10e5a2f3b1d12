"""Run tasks beside the calls of an attempt. None of them may cancel a call that is in flight.

A task that fails cancels all others of its TaskGroup, and with them calls that are billed all the
same. So each task is run by `run_beside`: a bug in it, ours or a library's, is logged and ends there.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import AimlapiError, RunStopped
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Work beside the calls that a run can do without.

    Attributes:
        name: for the log.
        work: runs until it is ended.
        end: ends the work; None if it may be cancelled at any instant.
    """

    name: str
    work: Callable[[], Awaitable[object]]
    end: Callable[[], None] | None = None

    def start_in(self, tasks: asyncio.TaskGroup) -> Callable[[], object]:
        """Start the work, and return the function that ends it."""
        task = tasks.create_task(run_beside(self.work(), self.name))
        # Work that writes from a thread has an end of its own. If it were cancelled, the thread
        # would write on, perhaps after the final state was written.
        return self.end or task.cancel


async def run_beside(
    work: Awaitable[object], name: str, halt: Callable[[AimlapiError], None] | None = None
) -> None:
    """Do work that other tasks run beside, and never fail.

    Args:
        name: the name of the work, for the log.
        halt: called with the reason why the run has to end early, if it cannot continue without
            this work. It must let the calls in flight return. None: the run continues without it.
    """
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whatever it is, calls in flight are billed
        reason = bug_in(name, error)
        if halt is not None:
            halt(reason)
        else:
            log.warning("The run continues without the %s.", name)


def bug_in(name: str, error: BaseException) -> AimlapiError:
    """Log an error that nothing raises on purpose, without its text, because it may quote a row.

    Returns:
        The reason for ending the run, if it cannot continue without the work: one of our own errors
        as it is, any other as a `RunStopped`.
    """
    if isinstance(error, AimlapiError):
        return error
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("A bug ended the %s: %s\n%s", name, type(error).__name__, where)
    return RunStopped(
        f"A bug ended the {name}: {type(error).__name__}. The log shows where. The calls in flight "
        f"have returned, and their answers are kept. A retry continues from here."
    )
