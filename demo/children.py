"""Starts the demo's processes with an environment of their own, and leaves none of them running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT")
"""The variables that a child inherits: no AIRFLOW_*, AWS_*, PYTHON* and no proxy."""
ENDINGS = ((signal.SIGTERM, 4.0), (signal.SIGKILL, None))
"""Signals, and the seconds until the next one. SIGTERM ends Airflow's task, which keeps its paid answers.
Airflow itself would then wait for the retry, so SIGKILL follows."""
ROOT = Path(__file__).parents[1]


class DemoFailed(Exception):
    """The demo cannot continue. Its text names the reason."""


def child_environment(additions: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **kept,
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(ROOT),
        **additions,
    }


@contextmanager
def child(
    words: Sequence[str], environment: Mapping[str, str], **options: object
) -> Iterator[subprocess.Popen[str]]:
    """Run a Python module until the block ends.

    Ctrl-C in the terminal does not reach it. It has a session of its own, so that this process decides
    the order in which processes end.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.watched", *words],
        env=child_environment(environment),
        stdin=subprocess.PIPE,  # kept open as long as this process lives
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    for number, wait_s in ENDINGS:
        if process.poll() is not None:
            break
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@contextmanager
def simulator(*, latency_s: float, max_concurrent: int, port: int, log: Path) -> Iterator[str]:
    """Run a simulator until the block ends, and yield its base URL.

    Raises:
        DemoFailed: the simulator did not start.
    """
    words = [
        "aimlapi_simulator",
        *("--port", str(port)),
        *("--latency", str(latency_s)),
        *("--max-concurrent", str(max_concurrent)),
        *("--text", "sentence"),
    ]
    with (
        log.open("w", encoding="utf-8") as errors,
        child(words, {}, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None  # noqa: S101  stdout is a pipe
        line = process.stdout.readline()
        prefix, _, url = line.strip().rpartition(" ")
        if prefix != "listening on":
            raise DemoFailed(f"The simulator did not start. See its log: {log}")
        yield url


def free_port(remembered: Path) -> int:
    """Return a free port: the remembered one, unless another process uses it."""
    # The API's address is part of the run key. With another port, the next demo would pay again.
    try:
        port = int(remembered.read_text(encoding="utf-8"))
        with _bound(port):
            return port
    except (OSError, ValueError, OverflowError):
        with _bound(0) as listener:
            port = int(listener.getsockname()[1])
        remembered.write_text(f"{port}\n", encoding="utf-8")
        return port


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener
