"""`python -m demo.watched lab.celery.program [--user NAME] PROGRAM …`: a program that ends with us.

So whatever starts it may be killed, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys


def main() -> int:
    """Run the program; return its exit status, or 0 if it was stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", help="that it runs as")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    process = subprocess.Popen(
        options.command,
        user=options.user,
        group=options.user,
        extra_groups=[] if options.user else None,
        stdin=subprocess.DEVNULL,
    )
    is_asked = False

    def end(*_: object) -> None:
        nonlocal is_asked
        is_asked = True
        process.send_signal(signal.SIGINT)  # PostgreSQL and Redis then end at once

    signal.signal(signal.SIGTERM, end)
    status = process.wait()
    return 0 if is_asked else status


if __name__ == "__main__":
    sys.exit(main())
