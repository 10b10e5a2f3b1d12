"""Read source files as functions, comments and lines of code."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PRAGMA = re.compile(r"# (?:noqa|type:|ruff:|mypy:|pragma:|fmt:)")
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
"""The tokens that make no line a line of code."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method."""

    where: str
    name: str
    docstring: str
    lines: range
    is_property: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A source file.

    Attributes:
        comments: the lines that hold a comment. A pragma for a tool is no comment.
        code: the lines that hold code. A docstring is no code.
        lines: the number of all lines.
    """

    path: Path
    functions: tuple[Function, ...]
    comments: frozenset[int]
    code: frozenset[int]
    lines: int


def sources_below(folders: Iterable[Path], pattern: str = "*.py") -> list[Source]:
    """Read the source files below the folders."""
    return [read_source(file) for folder in folders for file in sorted(folder.rglob(pattern))]


def read_source(path: Path) -> Source:
    """Read one source file."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    spoken = {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and not PRAGMA.match(token.string)
    }
    written = {
        line
        for token in tokens
        if token.type not in SILENT
        for line in range(token.start[0], token.end[0] + 1)
    }
    return Source(
        path,
        functions=tuple(_functions(tree, path)),
        comments=frozenset(spoken),
        code=frozenset(written - set(_lone_strings(tree))),
        lines=len(text.splitlines()),
    )


def _functions(tree: ast.Module, path: Path) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(
                where=f"{path}:{node.lineno}",
                name=node.name,
                docstring=ast.get_docstring(node) or "",
                lines=range(node.lineno, (node.end_lineno or node.lineno) + 1),
                is_property=any("property" in ast.unparse(one) for one in node.decorator_list),
            )


def _lone_strings(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of docstrings, those of constants and attributes included."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
