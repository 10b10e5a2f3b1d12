"""How long a run takes from its start to its first call: one file, and thousands, on an S3 server.

    python -m tests.benchmarks.start_up                      1 file, and 10,000 files of 100 rows
    python -m tests.benchmarks.start_up --files 1 100 --rounds 5

The S3 server (moto, with a lock around writes) runs in a process of its own, and is the slower
part: it answers some hundreds of requests a second, where S3 answers thousands. Each run is a fresh
process, killed at its first call; its imports are told apart. It judges nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.row_cost import ROOT
from tests.soak.servers import s3_server

BUCKET = "start-up"
ROWS = 100
UPLOAD_THREADS = 8
UPLOAD_HEADERS = {"Authorization": "AWS any:any", "Content-Type": "application/octet-stream"}
LOOK_S = 1.0


def main() -> None:
    """Measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name, s3_server(Path(name) / "s3.log") as s3_url:
        request = urllib.request.Request(f"{s3_url}/{BUCKET}", method="PUT")  # noqa: S310  # http, ours
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  # http, ours
        for files in options.files:
            upload(s3_url, files)
            rounds = [first_call(s3_url, files, number) for number in range(options.rounds)]
            imported_s, called_s, cpu_s = (median(times) for times in zip(*rounds, strict=True))
            print(  # noqa: T201  # printing is what a benchmark is for
                f"{files:>7,} files of {ROWS} rows: first call {called_s - imported_s:.2f} s after "
                f"the run began, {called_s:.2f} s after its process did, which "
                f"took {cpu_s:.2f} s of CPU (median of {len(rounds)})",
                flush=True,
            )


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def upload(s3_url: str, files: int) -> None:
    """The same small file, so many times."""
    body = io.BytesIO()
    pq.write_table(pa.table({"id": range(ROWS), "text": ["A text."] * ROWS}), body)

    def put(number: int) -> None:
        url = f"{s3_url}/{BUCKET}/in-{files}/file-{number:05}.parquet"
        request = urllib.request.Request(  # noqa: S310  # http, ours
            url, data=body.getvalue(), method="PUT", headers=UPLOAD_HEADERS
        )
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # http, ours

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        list(pool.map(put, range(files)))


def first_call(s3_url: str, files: int, number: int) -> tuple[float, float, float]:
    """Seconds from a process's start to the run's, and to its first call; its CPU seconds till then."""
    with socket.create_server(("127.0.0.1", 0)) as api:
        api.settimeout(LOOK_S)
        command = [sys.executable, "-m", "tests.benchmarks.start_up_child", s3_url]
        command += [f"{BUCKET}/in-{files}", f"{BUCKET}/out-{files}-{number}"]
        command += [f"http://127.0.0.1:{api.getsockname()[1]}"]
        began_s = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert child.stdout is not None
            child.stdout.readline()
            imported_s = time.perf_counter() - began_s
            await_call(api, child)
            called_s = time.perf_counter() - began_s
            used = psutil.Process(child.pid).cpu_times()
        finally:
            child.kill()
            child.wait()
    return imported_s, called_s, used.user + used.system


def await_call(api: socket.socket, child: subprocess.Popen[str]) -> None:
    """Wait for the first connection, as long as the run lives."""
    while child.poll() is None:
        with contextlib.suppress(TimeoutError):
            api.accept()[0].close()
            return
    raise SystemExit("the run ended before its first call")


if __name__ == "__main__":
    main()
