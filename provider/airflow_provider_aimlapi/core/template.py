r"""Prompt templates: which columns a prompt uses, and how a row's values are put into it.

`{column}` is filled from the row. Braces around anything else stay as they are, and `\{` is a
plain brace. A row's own text is only ever inserted, never searched for placeholders.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Cell = object
"""A Python value of a column: str, int, float, bool, Decimal, date, time, datetime, list, dict…"""


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row of which a prompt's column cannot be read as text; the reason names the column."""

    reason: str


RowTexts = tuple[str | None, ...] | UnreadableRow
"""A row's texts in the order of the columns that were asked for; None for a null."""

_TOKEN = re.compile(r"\\\{|\{([^{}\n]*)\}")
_IDENTIFIER = re.compile(r"[^\W\d]\w*$")
COLUMNS_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """A template, taken apart once per run.

    Attributes:
        literals: the fixed texts; one more than there are placeholders.
        columns: the column of each placeholder, in order of appearance.
    """

    literals: tuple[str, ...]
    columns: tuple[str, ...]

    def filler(self, columns: Sequence[str]) -> Callable[[Sequence[str]], str]:
        """A function from a row's texts, in the order of `columns`, to the filled-in prompt."""
        places = tuple(columns.index(name) for name in self.columns)
        first, rest = self.literals[0], self.literals[1:]
        pairs = tuple(zip(places, rest, strict=True))

        def fill(texts: Sequence[str]) -> str:
            pieces = [first]
            for place, literal in pairs:
                pieces.append(texts[place])
                pieces.append(literal)
            return "".join(pieces)

        return fill


def parse_template(text: str, *, columns: Collection[str], argument: str) -> PromptTemplate:
    r"""Take a template apart, knowing which columns there are.

    `{x}` is a placeholder when x is a column. When it is not, but looks like a name, it is an
    error; anything else, such as JSON in braces, stays as it is.

    Raises:
        InvalidSpec: for an unknown column, naming the nearest one.
    """
    literals: list[str] = []
    used: list[str] = []
    literal = ""
    end = 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        name = token[1]
        if name is None:
            literal += "{"
        elif name in columns:
            literals.append(literal)
            used.append(name)
            literal = ""
        elif _IDENTIFIER.match(name):
            raise InvalidSpec(_unknown_column(name, columns, argument))
        else:
            literal += token[0]
    literals.append(literal + text[end:])
    return PromptTemplate(literals=tuple(literals), columns=tuple(used))


def near_misses(text: str, columns: Collection[str]) -> list[tuple[str, str]]:
    """What stands in braces, is sent as it is, and looks like a mistyped column.

    Returns:
        Each such literal once, braces included, with the column that it is like: `{ body }` with
        `body`. A name that is no column is not among them: `parse_template` refuses it.
    """
    found: dict[str, str] = {}
    for token in _TOKEN.finditer(text):
        name = token[1]
        if name is None or name in columns or _IDENTIFIER.match(name):
            continue
        near = nearest(name.strip(), columns)
        if near is not None:
            found[token[0]] = near
    return list(found.items())


def nearest(name: str, candidates: Collection[str]) -> str | None:
    """The candidate most like a mistyped name, whatever its case; None when none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def text_of(cell: Cell) -> str:
    """A cell as it reads in a prompt: numbers and dates in ISO form, nested values as JSON."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, (list, tuple, dict)):
        return json.dumps(cell, ensure_ascii=False, default=text_of)
    return str(cell)


def _unknown_column(name: str, columns: Collection[str], argument: str) -> str:
    near = nearest(name, columns)
    if near is not None:
        advice = f"Did you mean {{{near}}}?"
    else:
        shown = ", ".join(sorted(columns)[:COLUMNS_SHOWN_MAX])
        more = ", …" if len(columns) > COLUMNS_SHOWN_MAX else ""
        advice = f"Its columns are: {shown}{more}."
    return (
        f"{argument} uses {{{name}}}, but the input has no column '{name}'. {advice} "
        f"For a plain brace write \\{{."
    )
