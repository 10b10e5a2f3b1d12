"""Prints how many chat completions a second the simulator answers on one core. A script, not a test.

    python lab/benchmarks/simulator_rate.py [--seconds 5] [--connections 16] [--pipeline 1]

The simulator runs in a process of its own, pinned to one core where the system allows it; the client,
a raw asyncio protocol without any HTTP library, runs in this one, and its CPU does not count.
`--pipeline 1` is keep-alive with one request in flight on each connection, as real clients do. No two
prompts or request ids in a row are the same. On a machine with other work the figure to look at is
the rate for each second of CPU that the simulator got.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDER = Path(__file__).resolve().parents[2] / "provider"
PROMPT_CHARACTERS = 1_850
WINDOW_S = 0.5
DIFFERENT_REQUESTS = 5_000


def request_bytes(row: int = 0) -> bytes:
    """Return a request of about 2 KB. Requests and answers are equally long for all rows."""
    sentence = (
        "The quick brown fox jumps over the lazy dog near the old river bank, again and again. "
    )
    text = (sentence * 40)[:PROMPT_CHARACTERS]
    prompt = f"Summarise in two sentences:\n\nRow {row:06d}. {text}"
    body = json.dumps(
        {
            "model": "anthropic/claude-sonnet-4-6-20260218",
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": prompt}],
        }
    ).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer benchmark\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: benchmark\r\n"
        f"X-Client-Request-Id: run-1.row-{row:06d}.try-1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """Keeps `pipeline` requests in flight on one connection, and counts answers by their end."""

    def __init__(self, requests: Iterator[bytes], pipeline: int) -> None:
        self.requests = requests
        self.pipeline = pipeline
        self.answers = 0
        self.bytes_received = 0
        self.answer_bytes = 0
        self._pending = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send(self.pipeline)

    def send(self, count: int) -> None:
        self.transport.write(b"".join(itertools.islice(self.requests, count)))

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        if not self.answer_bytes:  # every answer is as long as the first one
            head, _, _ = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"the simulator answered {head[:200]!r}")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.answer_bytes = len(head) + 4 + length
        self._pending += len(data)
        done, self._pending = divmod(self._pending, self.answer_bytes)
        self.answers += done
        if done:
            self.send(done)


def cpu_seconds(process: psutil.Process) -> tuple[float, float]:
    """Return the CPU seconds of the server so far, in its own code and in the kernel."""
    times = process.cpu_times()
    return times.user, times.system


async def drive(
    port: int, process: psutil.Process, options: argparse.Namespace
) -> list[dict[str, float]]:
    """Send for some seconds after a warm-up second; return answers and cost per half-second."""
    loop = asyncio.get_running_loop()
    requests = itertools.cycle([request_bytes(row) for row in range(DIFFERENT_REQUESTS)])
    clients = []
    for _ in range(options.connections):
        _, client = await loop.create_connection(
            lambda: Client(requests, options.pipeline), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.sleep(1)
    windows = []
    for _ in range(round(options.seconds / WINDOW_S)):
        before, began_s, cpu_before = answers_of(clients), loop.time(), cpu_seconds(process)
        await asyncio.sleep(WINDOW_S)
        answers, elapsed_s = answers_of(clients) - before, loop.time() - began_s
        user_s, system_s = (
            now - then for now, then in zip(cpu_seconds(process), cpu_before, strict=True)
        )
        windows.append(
            {
                "rate": answers / elapsed_s,
                "busy": (user_s + system_s) / elapsed_s,
                "per_cpu_s": answers / (user_s + system_s),
                "answer_bytes": clients[0].answer_bytes,
            }
        )
    for client in clients:
        client.transport.abort()
    return windows


def answers_of(clients: list[Client]) -> int:
    """Return the number of answers so far."""
    return sum(client.answers for client in clients)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--pipeline", type=int, default=1)
    options = parser.parse_args()
    command = [sys.executable, "-m", "aimlapi_simulator", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(PROVIDER)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().rpartition(":")[2])
            process = psutil.Process(server.pid)
            if hasattr(process, "cpu_affinity"):
                process.cpu_affinity([(os.cpu_count() or 1) - 1])
            windows = asyncio.run(drive(port, process, options))
        finally:
            server.terminate()
    windows.sort(key=lambda window: window["per_cpu_s"])
    for name, window in (("median", windows[len(windows) // 2]), ("best", windows[-1])):
        print(  # noqa: T201 - this is what the script is for
            f"{name}: {window['per_cpu_s']:,.0f} requests for each second of one core "
            f"({window['rate']:,.0f} a second with {window['busy']:.0%} of a core)"
        )
    print(  # noqa: T201
        f"{len(request_bytes()):,} bytes in, {windows[0]['answer_bytes']:,} bytes out, "
        f"{options.connections} connections, {options.pipeline} in flight on each, "
        f"{len(windows)} windows of {WINDOW_S} s"
    )


if __name__ == "__main__":
    main()
