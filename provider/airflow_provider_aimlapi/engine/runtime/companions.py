"""Tasks that run beside the calls of an attempt. None of them may cancel a call that is in flight.

A task that fails cancels all others of its TaskGroup, and with them calls that are billed all the
same. So each task is run by `beside`: a bug in it, ours or a library's, is logged and ends there.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import AimlapiError, RunStopped
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logger(__name__)


async def beside(
    work: Awaitable[object], name: str, halt: Callable[[AimlapiError], None] | None = None
) -> None:
    """Do work that other tasks run beside, and never fail.

    Args:
        name: of the work, for the log.
        halt: is told why the run has to end early, because it cannot go on without this work; it must
            let calls in flight go on. None: the run goes on without it.
    """
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whatever it is, calls in flight are billed
        reason = bug_in(name, error)
        if halt is not None:
            halt(reason)
        else:
            log.warning("The run goes on without the %s.", name)


def bug_in(name: str, error: Exception) -> AimlapiError:
    """Log an error that nothing raises on purpose, without its text, which may quote a row.

    Returns:
        Why the run ends, if it cannot go on without the work. An error that says so itself is that.
    """
    if isinstance(error, AimlapiError):
        return error
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("A bug ended the %s: %s\n%s", name, type(error).__name__, where)
    return RunStopped(
        f"A bug ended the {name}: {type(error).__name__}. The log says where. Calls in flight were "
        f"drained, and what they brought is kept. A retry takes up from here."
    )
