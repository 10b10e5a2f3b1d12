"""Whether what plain readers see at the end is exactly the input's rows with their own answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from pyarrow import parquet as pq

from lab.simulation.dataset_shapes import body_of

if TYPE_CHECKING:
    from lab.simulation.dataset_shapes import Input
    from lab.simulation.watch import Watcher
    from tests.fakes.memory_store import MemoryStore


class Expectations(Protocol):
    """What the rows of a run should hold; see `simulation.Simulation`."""

    def expected(self, prompt: str) -> list[tuple[object, str]]: ...
    def check_row(self, row: dict[str, Any], prompt: str) -> None: ...


def check_published(watcher: Watcher, data: Input, objects: MemoryStore) -> list[dict[str, Any]]:
    """Check the store when everything has ended, and return the published rows."""
    stored = objects.objects
    if watcher.manifest is None or "_SUCCESS" not in stored:
        watcher.blame("nothing was published")
        return []
    manifest = json.loads(watcher.manifest)
    names = [name for name in stored if name.endswith("/manifest.json")]
    if [stored[name] for name in names] != [watcher.manifest]:
        watcher.blame("the manifest's bytes have changed")
    visible = sorted(name for name in stored if not name.startswith("_"))
    if visible != sorted(entry["visible_name"] for entry in manifest["parts"]):
        watcher.blame(f"visible files: {visible}")
        return []
    rows: list[dict[str, Any]] = []
    for entry in manifest["parts"]:
        part = stored[entry["visible_name"]]
        if part != stored[entry["staged_name"]]:
            watcher.blame(f"{entry['visible_name']} is not the staged part")
        file = pq.ParquetFile(pa.BufferReader(part), pre_buffer=False)  # without threads
        rows += file.read(use_threads=False).to_pylist()
    numbers = list(range(sum(data.shape.rows)))
    if [row["id"] for row in rows] != numbers:
        watcher.blame("the rows are not the input's rows, each once and in order")
        return []
    return rows


def check_tidy(watcher: Watcher, objects: MemoryStore) -> None:
    """Check that after success no journal and no scratch file of a probe are left."""
    left = [name for name in objects.objects if "/journal/" in name]
    if left:
        watcher.blame(f"{len(left)} journal segments remain")


def check_rows(
    watcher: Watcher,
    data: Input,
    rows: list[dict[str, Any]],
    exhausted: frozenset[str],
    expectations: Expectations,
) -> None:
    """Check each published row.

    Args:
        exhausted: prompts that were asked in vain so often that they may be rejected.
    """
    shape = data.shape
    for number, row in enumerate(rows):
        body = body_of(shape, number)
        if row["body"] != body:
            watcher.blame(f"row {number} is not the input's row")
        found = (row["completion"], row["completion_info"]["status"])
        is_exhausted = found == (None, "rejected") and f"Q: {body}" in exhausted
        if found not in _expected(data, number, body, expectations) and not is_exhausted:
            watcher.blame(f"row {number} holds {row['completion']!r} ({row['completion_info']})")
        if found[1] not in ("rejected", "skipped"):
            expectations.check_row(row, f"Q: {body}")


def _expected(
    data: Input, number: int, body: str | None, expectations: Expectations
) -> list[tuple[object, str]]:
    if body is None:
        return [(None, "skipped")]
    if number in data.shape.rejected:
        return [(None, "rejected")]
    return expectations.expected(f"Q: {body}")
