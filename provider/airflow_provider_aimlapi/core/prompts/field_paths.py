"""Paths into nested columns, such as `customer.plan` and `lines[0].sku`. Pure.

A path is a column, then names of fields and numbers of items, from 0. A column that is literally named
so takes precedence, also as the beginning of a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.texts.nearest import nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Step = str | int
FIELDS_SHOWN_MAX = 12

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,9})\]")
_PLAIN_STEPS = re.compile(r"(?:\.[^\W\d]\w*|\[\d{1,9}\])+")
"""Steps that cannot be plain text. Other names of fields are read only if there is such a field."""
_OTHER_STEPS = (
    (re.compile(r"\s*([.\[\]])\s*"), r"\1"),
    (re.compile(r"""\[(["'])(\w+)\1\]"""), r".\2"),
    (re.compile(r"\.(\d{1,9})(?!\w)"), r"[\1]"),
)
"""How other languages write a step, and the step as it is written in a path."""
_PLAIN_PATH = re.compile(r"([^\W\d]\w*)((?:\.[^\W\d]\w*|\[\d{1,9}\])+)")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value consists of.

    Attributes:
        kind: the type's name, for errors.
        fields: the fields of a struct by name; empty for other values.
        item: the items of a list; None for other values.
    """

    kind: str
    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None

    def value_at(self, step: Step) -> Shape | None:
        """Return the value that a step leads to; None if there is none."""
        return self.fields.get(step) if isinstance(step, str) else self.item


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A column, and the steps from it to a value; without steps, the column itself."""

    column: str
    steps: tuple[Step, ...] = ()


def parse_field_path(name: str, shapes: Mapping[str, Shape]) -> FieldPath | None:
    """Return the path that a text in braces names; None if it names none that exists."""
    if name in shapes:
        return FieldPath(name)
    # The longest column that exists wins, because a column may have a dot in its name.
    for column, rest in _possible_splits(name):
        steps = _steps_of_text(rest)
        if column in shapes and steps and _ends_at(shapes[column], steps) is None:
            return FieldPath(column, steps)
    return None


def is_plain_path(name: str) -> bool:
    """Return whether a text has the form of a path whose names are identifiers."""
    return _PLAIN_PATH.fullmatch(name) is not None


def leading_steps(text: str) -> str:
    """Return the steps at the beginning of a text as a path has them, "" if there are none.

    So `['plan']` and `. plan` become `.plan`, and `.0` becomes `[0]`.
    """
    for notation, step in _OTHER_STEPS:
        text = notation.sub(step, text)
    match = _PLAIN_STEPS.match(text)
    return match[0] if match else ""


def explain_wrong_path(name: str, shapes: Mapping[str, Shape]) -> str | None:
    """Return why a path leads nowhere, with what exists; None if the text is no path."""
    for column, rest in _possible_splits(name):
        if column in shapes and _PLAIN_STEPS.fullmatch(rest):
            return _explain_step(column, shapes[column], _steps_of_text(rest))
    match = _PLAIN_PATH.fullmatch(name)
    if match is None:
        return None
    column, steps = match.groups()
    near, last = nearest_name(column, shapes), steps.rpartition(".")[2]
    advice = f"Its columns are: {_listed_names(shapes)}."
    if near or last in shapes:  # the last step of {row.body} is a column
        advice = f"Did you mean {{{near + steps if near else last}}}?"
    return f"the input has no column '{column}'. {advice}"


def _possible_splits(name: str) -> list[tuple[str, str]]:
    """Return where a column's name may end, the longest name first."""
    ends = [index for index, letter in enumerate(name) if letter in ".[" and index]
    return [(name[:end], name[end:]) for end in reversed(ends)]


def _steps_of_text(rest: str) -> tuple[Step, ...]:
    """Return the steps of a text; none if it does not consist of steps."""
    steps: list[Step] = []
    end = 0
    while (match := _STEP.match(rest, end)) is not None:
        steps.append(int(match[2]) if match[1] is None else match[1])
        end = match.end()
    return tuple(steps) if end == len(rest) else ()


def _ends_at(shape: Shape, steps: tuple[Step, ...]) -> int | None:
    """Return the first step that leads nowhere; None if the whole path exists."""
    for index, step in enumerate(steps):
        found = shape.value_at(step)
        if found is None:
            return index
        shape = found
    return None


def _explain_step(column: str, shape: Shape, steps: tuple[Step, ...]) -> str | None:
    end = _ends_at(shape, steps)
    if end is None:
        return None
    path = column
    for step in steps[:end]:
        path, shape = path + _shown_step(step), shape.value_at(step) or shape
    step, rest = steps[end], "".join(map(_shown_step, steps[end + 1 :]))
    # 1. A struct has no such field. 2. A list needs a number first. 3. Anything else has no parts.
    if shape.fields:
        near = nearest_name(step, shape.fields) if isinstance(step, str) else None
        lacks = f"no field '{step}'" if isinstance(step, str) else "fields and no numbered items"
        advice = f"Did you mean {{{path}.{near}{rest}}}? " if near else ""
        return f"'{path}' has {lacks}. {advice}Its fields are: {_listed_names(shape.fields)}."
    if shape.item is not None:
        return f"'{path}' is a list. Name an item first, such as {{{path}[0]{_shown_step(step)}{rest}}}."
    parts = "fields" if isinstance(step, str) else "numbered items"
    return f"'{path}' is {shape.kind}, which has no {parts}. Write {{{path}}}."


def _shown_step(step: Step) -> str:
    return f".{step}" if isinstance(step, str) else f"[{step}]"


def _listed_names(names: Mapping[str, Shape]) -> str:
    more = ", …" if len(names) > FIELDS_SHOWN_MAX else ""
    return ", ".join(islice(sorted(names), FIELDS_SHOWN_MAX)) + more
