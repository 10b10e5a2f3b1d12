"""`python -m aimlapi_simulator`: listens until SIGTERM or SIGINT; arguments are read elsewhere."""

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
except ImportError:  # the extra `simulator` was not asked for, or there is none for this system
    from asyncio import run

_GC_THRESHOLD = 50_000


async def serve(arguments: Arguments) -> None:
    """Listen, say where, and wait for a signal."""
    # Nearly everything here dies young; looking for cycles every few hundred requests finds none.
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
    """Exit status: 0 after a signal, 2 for wrong arguments, 1 if the port is taken."""
    try:
        arguments = parse_arguments(sys.argv[1:])
    except ScriptError as error:
        sys.stderr.write(f"aimlapi_simulator: {error}\n")
        return 2
    try:
        run(serve(arguments))
    except OSError as error:
        sys.stderr.write(f"aimlapi_simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
