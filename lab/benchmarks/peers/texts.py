"""Writes what all peers are given: `N/texts.parquet` of N rows each, `bodies.jsonl` for the ceiling.

Run as `python -m lab.benchmarks.peers.texts FOLDER N...`, in a process of its own: the memory
that Parquet takes is not the benchmark's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

from lab.benchmarks.peers.scripts.account import MAX_TOKENS, MODEL, messages
from lab.benchmarks.row_cost import make_data_set

BODIES = 1_000


def main(folder: str, *sizes: str) -> None:
    """Real texts of 2,000 characters, no two alike; a longer file begins as a shorter one does."""
    paths = [make_data_set(Path(folder) / size, int(size)) for size in sizes]
    texts = pq.read_table(paths[-1], columns=["text"])["text"].to_pylist()[:BODIES]
    with (Path(folder) / "bodies.jsonl").open("w", encoding="utf-8") as file:
        for text in texts:
            body = {"model": MODEL, "messages": messages(text), "max_tokens": MAX_TOKENS}
            file.write(json.dumps(body) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
