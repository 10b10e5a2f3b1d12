"""Inputs of the simulated runs: a few small Parquet data sets in memory, made once a shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO

import pyarrow as pa
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet as pq

from lab.simulation.simulated_api import FAILING, FORBIDDEN, POISON

PROMPT = "Q: {body}"
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
FILES = MemoryFileSystem(skip_instance_cache=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The number of rows of each file, and the special rows.

    Attributes:
        nulls: rows that are skipped. poison: rows that the API never accepts.
        forbidden: rows that a firewall in front of it refuses as if the key were wrong.
        failing: rows whose calls always fail, each with the text in its cell that says how.
        distinct: the number of rows after which the cells repeat; 0 if they do not.
    """

    rows: tuple[int, ...]
    nulls: frozenset[int] = frozenset()
    poison: frozenset[int] = frozenset()
    forbidden: frozenset[int] = frozenset()
    failing: tuple[tuple[int, str], ...] = ()
    distinct: int = 0

    @property
    def rejected(self) -> frozenset[int]:
        """Rows that can get no completion."""
        return self.poison | self.forbidden | {row for row, _ in self.failing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A data set that is ready to be read.

    Attributes:
        path: in FILES.
        prompts: what each row asks, by part, which here is by file; None where it is skipped.
    """

    path: str
    shape: Shape
    prompts: tuple[tuple[str | None, ...], ...]

    @property
    def asked(self) -> frozenset[str]:
        """All prompts."""
        return frozenset(prompt for part in self.prompts for prompt in part if prompt is not None)


def _name(shape: Shape) -> str:
    numbers = (
        shape.rows,
        *map(sorted, (shape.nulls, shape.poison, shape.forbidden)),
        [shape.distinct],
    )
    texts = list(FAILING)
    failing = [f"{row}.{texts.index(text)}" for row, text in shape.failing]
    return "_".join("-".join(map(str, group)) for group in (*numbers, failing))


def body_of(shape: Shape, number: int) -> str | None:
    """Return the cell of a row."""
    if number in shape.nulls:
        return None
    number = number % shape.distinct if shape.distinct else number
    failing = dict(shape.failing).get(number)
    if failing is not None:
        return f"{failing} {number}"
    if number in shape.forbidden:
        return f"{FORBIDDEN} {number}"
    return f"{POISON} {number}" if number in shape.poison else f"row {number}"


@lru_cache(maxsize=256)
def input_of(shape: Shape) -> Input:
    """Make a data set, or take the one that was made before."""
    path = f"/simulated/{_name(shape)}"
    prompts: list[tuple[str | None, ...]] = []
    start = 0
    for file, rows in enumerate(shape.rows):
        numbers = range(start, start + rows)
        bodies = [body_of(shape, number) for number in numbers]
        table = pa.table({"id": pa.array(numbers, pa.int32()), "body": pa.array(bodies, pa.utf8())})
        sink = BytesIO()
        pq.write_table(table, sink)
        name = f"{path}/{file:02d}.parquet"
        FILES.pipe_file(name, sink.getvalue())
        FILES.store[name].created = MADE_AT  # part of the run key
        prompts.append(tuple(None if body is None else f"Q: {body}" for body in bodies))
        start += rows
    return Input(path=path, shape=shape, prompts=tuple(prompts))
