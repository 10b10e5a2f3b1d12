"""What it costs to decode all columns before the rows of a shard are sent, and not the prompt's alone.

    python -m lab.benchmarks.decoding

A damaged page in any column ends a run before its shard is paid for, because `checked_rows` decodes
every column once. This prints the CPU time of a row without that (`rows`) and with it (`checked_rows`),
as the least of five rounds. The file has 16,384 rows, and its columns are texts and numbers in turn.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.storage.input.dataset import open_data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.core.prompts.template import RowTexts

    Rows = Callable[[Shard, Sequence[str]], Iterator[list[RowTexts]]]

ROWS = 16_384
COLUMNS = (1, 10, 50)
ROUNDS = 5


def main() -> None:
    """Print a line for each number of columns."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    sys.stdout.write(
        f"{'columns':>7} {'prompt only':>12} {'all':>8} {'more':>8}  us of CPU a row\n"
    )
    for columns in COLUMNS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            pq.write_table(_table(columns), path)
            data_set = open_data_set(fsspec.filesystem("file"), str(path))
            shards = plan_shards(data_set.files)
            alone, every = (
                _best(read, shards) for read in (data_set.read_rows, data_set.checked_rows)
            )
        sys.stdout.write(f"{columns:>7} {alone:>12.2f} {every:>8.2f} {every - alone:>8.2f}\n")


def _table(columns: int) -> pa.Table:
    return pa.table(
        {
            f"c{column}": [
                row * column if column % 2 else f"text {row} of {column}" for row in range(ROWS)
            ]
            for column in range(columns)
        }
    )


def _best(read: Rows, shards: Sequence[Shard]) -> float:
    """Return the least CPU time of a row, in microseconds."""
    return min(_round(read, shards) for _ in range(ROUNDS))


def _round(read: Rows, shards: Sequence[Shard]) -> float:
    began_s, rows = time.process_time(), 0
    for shard in shards:
        rows += sum(len(batch) for batch in read(shard, ["c0"]))
    return (time.process_time() - began_s) / rows * 1e6


if __name__ == "__main__":
    main()
