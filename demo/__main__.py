"""`python -m demo`: an example DAG over real texts, without a key, an account or a container.

Everything it makes lies in .demo/ beside this package; `make clean` removes it.
"""

from __future__ import annotations

import signal
import sys

from demo.children import ROOT, DemoFailed
from demo.run import run_demo


def main() -> int:
    """Exit status: 0 when the DAG ran, 1 when something failed, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it the same way
    try:
        run_demo(ROOT / ".demo")
    except DemoFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was paid for is kept: the next run goes on from there.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
