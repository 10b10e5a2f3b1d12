"""How long a run takes from its start to its first call: one file, and thousands, on an S3 server.

    python -m lab.benchmarks.start_up                      1 file, and 10,000 files of 100 rows
    python -m lab.benchmarks.start_up --files 1 1000 --rounds 5 --server moto
    python -m lab.benchmarks.start_up --files 10000 --without-obstore        footers by s3fs

The S3 server runs in a process of its own: moto, which takes milliseconds of CPU a request and so
measures itself when there are many files; or the one of `read_only_s3`, to read the input from, with
a local folder for the output. Each run is a fresh process, killed at its first call; its imports are
told apart, and a run before them has compiled all modules. It judges nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from demo.children import child
from lab.benchmarks.read_only_s3 import ROWS, small_file
from lab.benchmarks.row_cost import ENVIRONMENT, ROOT
from lab.benchmarks.start_up_child import WITHOUT_OBSTORE
from lab.soak.servers import s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "start-up"
UPLOAD_THREADS = 8
UPLOAD_HEADERS = {"Authorization": "AWS any:any", "Content-Type": "application/octet-stream"}
LOOK_S = 1.0


def main() -> None:
    """Measure and print."""
    options = parse_options()
    for files in options.files:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            server = moto(files, folder) if options.server == "moto" else read_only(files)
            with server as s3_url:
                target = f"s3://{BUCKET}/out" if options.server == "moto" else f"{folder}/out"
                first_call(s3_url, f"{target}-first", *options.without_obstore)
                rounds = [
                    first_call(s3_url, f"{target}-{number}", *options.without_obstore)
                    for number in range(options.rounds)
                ]
        imported_s, called_s, cpu_s = (median(times) for times in zip(*rounds, strict=True))
        print(  # noqa: T201  # printing is what a benchmark is for
            f"{files:>7,} files of {ROWS} rows, S3 by {options.server}: first call "
            f"{called_s - imported_s:.2f} s after the run began, {called_s:.2f} s after its process "
            f"did, which took {cpu_s:.2f} s of CPU (median of {len(rounds)})",
            flush=True,
        )


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--without-obstore", action="store_const", const=[WITHOUT_OBSTORE], default=[]
    )
    parser.add_argument("--server", choices=["moto", "read_only_s3"], default="read_only_s3")
    return parser.parse_args()


@contextlib.contextmanager
def read_only(files: int) -> Iterator[str]:
    """Run a quick server with this number of files, and yield its URL."""
    words = ["lab.benchmarks.read_only_s3", "--files", str(files)]
    with child(words, {}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


@contextlib.contextmanager
def moto(files: int, folder: Path) -> Iterator[str]:
    """Run a complete S3 server with this number of files, and yield its URL."""
    with s3_server(folder / "s3.log") as s3_url:
        put(f"{s3_url}/{BUCKET}")
        names = [f"{s3_url}/{BUCKET}/in/file-{number:05}.parquet" for number in range(files)]
        with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
            list(pool.map(put, names, [small_file()] * files))
        yield s3_url


def put(url: str, body: bytes | None = None) -> None:
    """Send one unsigned request, because moto checks no signature."""
    request = urllib.request.Request(url, data=body, method="PUT", headers=UPLOAD_HEADERS)  # noqa: S310  # http, ours
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # http, ours


def first_call(s3_url: str, target: str, *words: str) -> tuple[float, float, float]:
    """Measure the seconds to the run's start and to its first call, and the CPU seconds until then."""
    with socket.create_server(("127.0.0.1", 0)) as api:
        api.settimeout(LOOK_S)
        command = [sys.executable, "-m", "lab.benchmarks.start_up_child", s3_url]
        command += [f"{BUCKET}/in", target, f"http://127.0.0.1:{api.getsockname()[1]}", *words]
        began_s = time.perf_counter()
        run = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT
        )
        try:
            assert run.stdout is not None
            run.stdout.readline()
            imported_s = time.perf_counter() - began_s
            await_call(api, run)
            called_s = time.perf_counter() - began_s
            used = psutil.Process(run.pid).cpu_times()
        finally:
            run.kill()
            run.wait()
    return imported_s, called_s, used.user + used.system


def await_call(api: socket.socket, run: subprocess.Popen[str]) -> None:
    """Wait for the first connection, as long as the run lives."""
    while run.poll() is None:
        with contextlib.suppress(TimeoutError):
            api.accept()[0].close()
            return
    raise SystemExit("the run ended before its first call")


if __name__ == "__main__":
    main()
