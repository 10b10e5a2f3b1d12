r"""Prompt templates: which columns a prompt uses, and how a row's values are filled in.

`{column}` is filled from the row, and so is a path into a nested column: `{customer.plan}`. Braces around anything else stay unchanged, and `\{` is a plain
brace. A column in another notation, such as `{ body }` or `{body!r}`, is an error. Placeholders are
looked for in the template only, never in a row's own text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.prompts.field_paths import (
    Shape,
    explain_wrong_path,
    is_plain_path,
    leading_steps,
    parse_field_path,
)
from airflow_provider_aimlapi.core.texts.column_names import describe_difference, find_lookalike
from airflow_provider_aimlapi.core.texts.nearest import nearest_name
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row whose prompt column cannot be read as text. The reason names the column."""

    reason: str


RowTexts = tuple[str | None, ...] | UnreadableRow
"""A row's texts in the order of the requested columns; None for a null."""

_TOKEN = re.compile(r"\\\{|\{([^{}\n]*)\}")
_IDENTIFIER = re.compile(r"[^\W\d]\w*$")
_AROUND_A_NAME = re.compile(
    r"""\s*(?:
        (?: (?:\.\s*\w+ (?:\([^()]*\))? | \[[^\[\]]*\]) \s* )+ (?:![rsa])? (?::.*)?  # {body.strip()}
        | =? ![rsa] (?::.*)? | = (?::.*)?                                   # {body!r}, {body=}
        | : (?:.?[<>=^])?[-+ ]?z?\#?0?\d*[_,]?(?:\.\d+)?[bcdeEfFgGnosxX%]?  # {price:>10.2f}
        | : %.*                                                             # {day:%Y-%m-%d}
        | \|.*                                                              # {body|upper}
        | \s or \s+ (?:'[^']*'|"[^"]*"|None) | \s if \s.+\s else \s.+         # {body or ''}
    )?\s*""",
    re.VERBOSE,
)
"""What Python's `str.format` and Jinja allow after a name. JSON such as `{body: string}` does not match."""
_AROUND_A_COLUMN = re.compile(
    r"""
        [$@\#/^&] \s* (?P<marked>.+)                                          # {$body}, {#body}
        | [^\W\d][\w.]* [\[(] \s* (["']) (?P<quoted>.+?) \2 \s* [\])] .*       # {row["body"]}
        | [^\W\d]\w* \. (?P<last>[^\W\d]\w*)                                 # { row.body }
    """,
    re.VERBOSE,
)
"""What other template languages, and pandas, write before a column's name."""
COLUMNS_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """A parsed template.

    Attributes:
        literals: the fixed texts, one more than there are placeholders.
        columns: the column or path of each placeholder, as it is written, in order of appearance.
    """

    literals: tuple[str, ...]
    columns: tuple[str, ...]

    def filler_for(self, columns: Sequence[str]) -> Callable[[Sequence[str]], tuple[str, ...]]:
        """Return a function from a row's texts to the parts of the prompt, filled in.

        Args:
            columns: the columns of the row's texts, in their order.
        """
        literals = self.literals
        if not self.columns:
            return lambda _: literals
        # `pick` runs once per row, so it takes literals and texts by turns out of one tuple.
        picked = [0]
        for number, name in enumerate(self.columns, 1):
            picked += [len(literals) + columns.index(name), number]
        pick = itemgetter(*picked)
        return lambda texts: pick((*literals, *texts))


def shapes_of(columns: Iterable[str]) -> dict[str, Shape]:
    """Return columns that are not nested."""
    return {name: Shape("a plain value") for name in columns}


def parse_template(text: str, *, columns: Mapping[str, Shape], argument: str) -> PromptTemplate:
    r"""Parse a template, given the input's columns.

    `{x}` is a placeholder if x is a column or a path into one. Digits and blanks never are, whatever the columns are
    called, so `{}` and `\d{4}` stay unchanged. Other text that cannot mean a column stays, too.

    Raises:
        InvalidSpec: a name is not a column, a path leads nowhere, or a column is written in another
            notation. The text shows the nearest column, or what to write instead.
    """
    literals: list[str] = []
    used: list[str] = []
    literal = ""
    end = 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        # What `_TOKEN` matches is `\{`, or braces around one line without braces.
        end = token.end()
        name = token[1]
        if name is None:
            literal += "{"
        elif not _is_never_a_column(name) and parse_field_path(name, columns) is not None:
            literals.append(literal)
            used.append(name)
            literal = ""
        else:
            _check_literal(token[0], name, columns, argument)
            literal += token[0]
    literals.append(literal + text[end:])
    return PromptTemplate(literals=tuple(literals), columns=tuple(used))


def placeholders_in(text: str) -> tuple[list[str], list[str]]:
    """Return the names in braces that must be columns, and all that may be, without any input."""
    names = [token[1] for token in _TOKEN.finditer(text) if token[1] is not None]
    possible = [name for name in dict.fromkeys(names) if not _is_never_a_column(name)]
    certain = [name for name in possible if _IDENTIFIER.match(name) or is_plain_path(name)]
    return certain, possible


def first_placeholder(names: Iterable[str]) -> str | None:
    """Return the first column that a prompt can use; None if there is none."""
    usable = (name for name in names if not _is_never_a_column(name))
    return next((name for name in usable if _TOKEN.fullmatch(f"{{{name}}}")), None)


def outer_texts(text: str) -> tuple[str, str] | None:
    """Return the texts before the first and after the last name in braces that must be a column.

    It needs no input. Without such a name, it is None.
    """
    certain = set(placeholders_in(text)[0])
    found = [token.span() for token in _TOKEN.finditer(text) if token[1] in certain]
    return (text[: found[0][0]], text[found[-1][1] :]) if found else None


def _is_never_a_column(name: str) -> bool:
    return not name.strip() or name.strip().isdecimal()


def _check_literal(token: str, name: str, columns: Mapping[str, Shape], argument: str) -> None:
    """Refuse a token that is not a placeholder and cannot be meant as plain text."""
    # 1. Digits and blanks are plain text.
    # 2. A name that looks like a column, but has other characters, is a mistake.
    # 3. So is any other name of a form that columns have, and a path that leads nowhere.
    # 4. So is a column in another notation. All other texts are sent unchanged.
    if _is_never_a_column(name):
        return
    twin = find_lookalike(name, columns)
    # Names that differ in case only get the message of an unknown column, which names the right
    # one.
    if twin is not None and twin.casefold() != name.casefold():
        raise InvalidSpec(
            f"{argument} uses {{{name}}}, but the input has no column of that name: "
            f"{describe_difference(name, twin)}. Write {{{ascii(twin)[1:-1]}}}."
        )
    if _IDENTIFIER.match(name):
        raise InvalidSpec(_unknown_column(name, columns, argument))
    why = explain_wrong_path(name, columns)
    if why is not None:
        raise InvalidSpec(f"{argument} uses {token}, but {why} For a plain brace write \\{{.")
    column = _written_otherwise(name, columns)
    if column is not None:
        raise InvalidSpec(
            f"{argument} holds {token}, which would be sent unchanged. Write {{{column}}} for "
            f"'{column}': no blanks, quotes, methods or formats are allowed in the "
            f"braces. To send it unchanged, write \\{token}."
        )


def _written_otherwise(name: str, columns: Mapping[str, Shape]) -> str | None:
    """Return what `name` means, ignoring blanks, quotes, case and the notation of other languages."""
    bare = name.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'`":
        bare = bare[1:-1]
    around = _AROUND_A_COLUMN.fullmatch(bare)
    inner = next(filter(None, around.groupdict().values()), "") if around else ""
    # The longest first, so that `body_html` is not read as `body` and a rest.
    for column in sorted(columns, key=len, reverse=True):
        if _is_never_a_column(column):
            continue
        head, rest = bare[: len(column)], bare[len(column) :]
        if head.casefold() == column.casefold() and _AROUND_A_NAME.fullmatch(rest):
            path = column + leading_steps(rest)
            return path if parse_field_path(path, columns) is not None else column
        if inner.casefold() == column.casefold():
            return column
    return None


def near_misses(text: str, columns: Mapping[str, Shape]) -> list[tuple[str, str]]:
    """Return the texts in braces that are sent unchanged and look like a mistyped column.

    Returns:
        Each such text once, braces included, with the similar column: `{my col}` with `my_col`.
        Texts that `parse_template` refuses are left out.
    """
    found: dict[str, str] = {}
    for token in _TOKEN.finditer(text):
        name = token[1]
        if name is None or _IDENTIFIER.match(name) or is_plain_path(name):
            continue
        if parse_field_path(name, columns) is not None:
            continue
        near = nearest_name(name.strip(), columns)
        if near is not None:
            found[token[0]] = near
    return list(found.items())


def _unknown_column(name: str, columns: Collection[str], argument: str) -> str:
    near = nearest_name(name, columns)
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
