"""The provider's loggers, whose lines stay one line each. Sets neither levels nor destinations."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_LINKS_MAX = 10
"""How many causes of an error are logged. A chain of causes may be a ring."""


class ForeignError(Exception):
    """A printable copy of an error: its type, then its text."""


class PrintableLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that makes its arguments printable, and the errors whose tracebacks it logs."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log as `logging.Logger.log` does, with printable arguments and tracebacks."""
        if not self.isEnabledFor(level):
            return
        error = kwargs.get("exc_info")
        error = sys.exc_info()[1] if error is True else error
        kwargs["exc_info"] = printable_error(error) if isinstance(error, BaseException) else None
        # One more frame: without it each line would name this file as its origin.
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        self.logger.log(level, msg, *map(_printable_argument, args), **kwargs)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Return both as they are: there is nothing to add."""
        return msg, kwargs


def logger(name: str) -> PrintableLog:
    """Return the logger of a module."""
    return PrintableLog(logging.getLogger(name), {})


def printable_error(error: BaseException, links_left: int = _LINKS_MAX) -> ForeignError:
    """Return a copy of an error and of its causes, with their frames and printable texts."""
    copy = ForeignError(printable_text(f"{type(error).__name__}: {error}"))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and links_left:
        copy.__cause__ = printable_error(cause, links_left - 1)
    return copy.with_traceback(error.__traceback__)


def _printable_argument(argument: object) -> object:
    # Numbers stay numbers, because a format such as %d accepts nothing else.
    return argument if isinstance(argument, (int, float)) else printable_text(str(argument))
