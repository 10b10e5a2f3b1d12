"""Which event loop the engine runs on: uvloop where it is installed, else asyncio's own.

uvicorn brings uvloop into most Airflow installations. With few events in each round of the loop, as
on a machine that has time, asyncio's own costs a row a tenth more.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop that is not set as anybody's."""
    try:
        uvloop = import_module("uvloop")
    except ImportError:  # it is not made for every platform
        return asyncio.new_event_loop()
    make = cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)
    return make()
