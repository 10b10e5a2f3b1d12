"""`python -m demo`: an example DAG over real texts, without a key, an account or a container.

All its files are in .demo/ beside this package. `make clean` removes them.
"""

from __future__ import annotations

import signal
import sys

from demo.children import ROOT, DemoFailed
from demo.run import run_demo


def main() -> int:
    """Return the exit status: 0 if the DAG ran, 1 if something failed, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end the demo in the same way
    try:
        run_demo(ROOT / ".demo")
    except DemoFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Paid answers are kept, and the next run continues there.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
