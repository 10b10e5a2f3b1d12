"""Run `python -m aimlapi_simulator`, which listens until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING, Any

from aimlapi_simulator.arguments import Arguments, parse_arguments
from aimlapi_simulator.faults.script import ScriptError
from aimlapi_simulator.server import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

run: Callable[[Coroutine[Any, Any, None]], None]
try:
    from uvloop import run
except ImportError:  # the extra `simulator` is not installed, or this system has no uvloop
    from asyncio import run

_GC_THRESHOLD = 50_000
"""Python's default of 700 collects every few hundred requests and finds no cycles."""


async def serve_until_signal(arguments: Arguments) -> None:
    """Listen, print the address, and wait for a signal."""
    # A simulator leaves almost no cycles, so that frequent collections only cost time.
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(arguments.script, host=arguments.host, port=arguments.port) as simulator:
        sys.stdout.write(f"listening on {simulator.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Return the exit status: 0 after a signal, 2 for wrong arguments, 1 if the port is taken."""
    try:
        arguments = parse_arguments(sys.argv[1:])
    except ScriptError as error:
        sys.stderr.write(f"aimlapi_simulator: {error}\n")
        return 2
    try:
        run(serve_until_signal(arguments))
    except OSError as error:
        sys.stderr.write(f"aimlapi_simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
