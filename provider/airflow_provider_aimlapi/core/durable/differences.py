"""States in which ingredients two runs differ, each with its old and new value. Pure.

The old values come from a stored plan, which another program may have written. So each value is cut
and printed with escapes. Prompts are the DAG author's texts. No value holds the text of a row.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.core.durable.ingredients import Ingredients, InputOfRun

SHOWN_CHARACTERS = 80
"""Enough for a model's id or a host. A response schema or a list of tools is longer, and is cut."""
# From the first difference on. Two prompts of pages differ in a word, which such a piece shows.
EXCERPT_CHARACTERS = 30
# Shown under other names, before or after the loop over all values.
_ELSEWHERE = frozenset({"origin", "dialect"})
# As JSON. A value of one of these is the same as an argument that was left out.
_NOT_SET = frozenset({"null", "[]", "{}"})
DIFFERENCES_MAX = 12
"""A planted plan may differ in any number of parameters. A real one differs in a few."""


def describe_differences(before: Ingredients, now: Ingredients) -> tuple[str, ...]:
    """Return a clause for each ingredient that differs, such as "model: "a" before, "b" now"."""
    found = list(_differences_in_order(before, now))
    left = len(found) - DIFFERENCES_MAX
    return (*found[:DIFFERENCES_MAX], *((f"and {left:,} more",) if left > 0 else ()))


def rows_in_both(before: Ingredients, now: Ingredients) -> tuple[int, bool]:
    """Return how many input rows two runs share at most, and whether their files are the same.

    A file counts as shared if its path is the same, or if its version, size and rows are.
    """
    rows = _rows_taken(now)
    by_path = {file.uri: taken for file, taken in rows}
    by_content = {_content_of_file(file): taken for file, taken in rows}
    shared = sum(
        min(taken, by_path.get(file.uri, by_content.get(_content_of_file(file), 0)))
        for file, taken in _rows_taken(before)
    )
    return shared, before.inputs == now.inputs


def _differences_in_order(before: Ingredients, now: Ingredients) -> Iterator[str]:
    old, new = before.values, now.values
    yield from _of_value("base URL", old.get("origin"), new.get("origin"))
    # The model comes first, because it decides the price.
    for name in _names_of_both(before.parameters, now.parameters, first=("model",)):
        yield from _of_value(
            _cut_and_printable(name), before.parameters.get(name), now.parameters.get(name)
        )
    for name in _names_of_both(old, new, first=("prompt", "system")):
        if name not in _ELSEWHERE:
            yield from _of_value(_cut_and_printable(name), old.get(name), new.get(name))
    # Another model has another dialect as a rule, and its own clause says enough.
    if before.parameters.get("model") == now.parameters.get("model"):
        yield from _of_value("dialect of the model", old.get("dialect"), new.get("dialect"))
    yield from _of_inputs(before.inputs, now.inputs)


def _names_of_both(
    old: Mapping[str, object], new: Mapping[str, object], first: tuple[str, ...]
) -> list[str]:
    """Return the names of both, some of them first."""
    return sorted(old.keys() | new.keys(), key=lambda name: (name not in first, name))


def _of_value(name: str, before: object, now: object) -> Iterator[str]:
    # Compared as JSON, as the run key is: 1 and 1.0 are equal in Python, and make two run keys.
    old, new = (json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (before, now))
    if old == new:
        return
    if max(len(old), len(new)) > SHOWN_CHARACTERS and not {old, new} & _NOT_SET:
        if isinstance(before, str) and isinstance(now, str):
            old, new = before, now  # as typed, so that the number is that of the author's text
        shorter = min(len(old), len(new))
        at = next((i for i in range(shorter) if old[i] != new[i]), shorter)
        yield (
            f"{name} from character {at + 1:,} on: {_excerpt_from(old, at)} before, {_excerpt_from(new, at)} now"
        )
        return
    yield f"{name}: {_shown_value(old)} before, {_shown_value(new)} now"


def _of_inputs(before: tuple[InputOfRun, ...], now: tuple[InputOfRun, ...]) -> Iterator[str]:
    old, new = ({file.uri: file for file in files} for files in (before, now))
    gone = [uri for uri in old if uri not in new]
    added = [uri for uri in new if uri not in old]
    changed = [uri for uri in old if uri in new and old[uri] != new[uri]]
    for files, what in ((added, "added"), (gone, "no longer there")):
        if files:
            yield f"input: {len(files):,} file(s) {what}, the first is {_end_of(files[0])}"
    if changed:
        first = changed[0]
        yield (
            f"input: {len(changed):,} file(s) changed, the first is {_end_of(first)}, "
            f"{_shown_file(old[first])} before, {_shown_file(new[first])} now"
        )
    # The order decides which rows stand in which part, so it is part of the run key.
    if before != now and not (gone or added or changed):
        yield "input: the same files in another order"


def _shown_file(file: InputOfRun) -> str:
    return f"{file.rows:,} rows and {file.size_bytes:,} bytes of version {_cut_and_printable(file.version)}"


def _shown_value(text: str) -> str:
    return "not set" if text in _NOT_SET else _cut_and_printable(text)


def _cut_and_printable(text: str) -> str:
    is_short = len(text) <= SHOWN_CHARACTERS
    return printable_text(text if is_short else f"{text[:SHOWN_CHARACTERS]}…")


def _end_of(path: str) -> str:
    """Return a path for a log. Its end tells files apart, so a long one is cut at its start."""
    is_short = len(path) <= SHOWN_CHARACTERS
    return printable_text(path if is_short else f"…{path[-SHOWN_CHARACTERS:]}")


def _excerpt_from(text: str, start: int) -> str:
    end = start + EXCERPT_CHARACTERS
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f'"{before}{printable_text(text[start:end])}{after}"'


def _content_of_file(file: InputOfRun) -> tuple[str, int, int]:
    return file.version, file.size_bytes, file.rows


def _rows_taken(run: Ingredients) -> list[tuple[InputOfRun, int]]:
    """Return the files with the rows that a run takes of each."""
    left = run.limit_rows
    taken: list[tuple[InputOfRun, int]] = []
    for file in run.inputs:
        rows = file.rows if left is None else min(file.rows, left)
        left = None if left is None else left - rows
        taken.append((file, rows))
    return taken
