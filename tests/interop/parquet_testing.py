"""Where the files of apache/parquet-testing are, if they are there."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "PARQUET_TEST_DATA"
"""As apache/arrow calls the folder in its own tests, or the folder above."""


def folder(root: Path) -> Path | None:
    """The folder with `data` and `bad_data`; None where there is none.

    Args:
        root: the project's.
    """
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        found = path.parent if path.name == "data" else path
        if not (found / "data").is_dir():
            raise ValueError(f"{VARIABLE}={named}: there is no folder 'data' in it.")
        return found
    path = root.parent / "shared" / "data" / "parquet-testing"
    return path if path.is_dir() else None
