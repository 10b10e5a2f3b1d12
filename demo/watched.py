"""`python -m demo.watched MODULE …`: runs a module, and ends it when whoever started it is gone.

A process that is killed with SIGKILL cannot end its children. It cannot keep a pipe open either:
when the pipe that is our standard input ends, we go.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GRACE_S = 5.0


def main() -> None:
    """Run the module that the arguments name, with the arguments after it."""
    threading.Thread(target=_watch, name="watch", daemon=True).start()
    module = sys.argv[1]
    sys.argv[:2] = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
