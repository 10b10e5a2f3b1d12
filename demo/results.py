"""Shows the results of a demo run as a table. It reads plain Parquet."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TEXT_WIDTH = 36
SUMMARY_WIDTH = 80


def table_of(folder: Path, rows_max: int = 5) -> str:
    """Return a table of a row in the middle of each of the first files, as the DAG has written it."""
    import pyarrow.parquet as pq

    columns = ["president", "year", "text", "completion"]
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.parquet"))[:rows_max]:
        table = pq.read_table(file, columns=columns)
        rows += table.slice(table.num_rows // 2, 1).to_pylist()
    lines = [("president", "year", "text", "summary"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def newest_first(files: Iterable[Path]) -> list[Path]:
    """Return files by the time of their last change, the newest first."""
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return (
        str(row["president"]),
        str(row["year"]),
        shorten(row["text"], TEXT_WIDTH, placeholder=" …"),
        shorten(row["completion"] or "", SUMMARY_WIDTH, placeholder=" …"),
    )
