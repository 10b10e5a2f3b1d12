"""`python -m demo.watched MODULE …`: runs a module, and ends it when its parent process has ended.

A parent that is killed with SIGKILL cannot end its children, but its pipes close. The child's standard
input is such a pipe, and the child ends with it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GRACE_S = 5.0
"""The module's time to end after SIGTERM, before SIGKILL."""


def main() -> None:
    """Run the module that the first argument names, with the other arguments."""
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
