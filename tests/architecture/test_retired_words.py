"""No identifier uses a word that the glossary has retired, within the word's scope."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "provider/airflow_provider_aimlapi"
GLOSSARY = "provider/docs/GLOSSARY.md"
TABLE_HEAD = "| retired word | scope | use instead | exceptions | reason |"
IN_TICKS = re.compile(r"`([^`]+)`")
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Retired:
    """A line of the table.

    Attributes:
        word: one or more words of an identifier; with a capital, a whole identifier.
        scope: folders of the package; empty for all of them.
        exceptions: whole identifiers, and folders.
    """

    word: str
    scope: tuple[str, ...]
    exceptions: frozenset[str]

    def holds_in(self, module: str) -> bool:
        """Return whether the word is retired in a module, given by its path in the package."""
        in_scope = not self.scope or is_below(module, self.scope)
        return in_scope and not is_below(module, self.exceptions)

    def is_in(self, identifier: str) -> bool:
        if identifier in self.exceptions:
            return False
        if not self.word.islower():
            return identifier == self.word
        words = "_".join(word.lower() for word in WORDS.findall(identifier))
        return f"_{self.word}_" in f"_{words}_"


def is_below(module: str, folders: frozenset[str] | tuple[str, ...]) -> bool:
    return any(f"{module}/".startswith(f"{folder}/") for folder in folders)


def retired_words(glossary: str) -> list[Retired]:
    """Read the table of retired words."""
    _, _, table = glossary.partition(TABLE_HEAD)
    rows = [line for line in table.splitlines()[2:] if line.startswith("| `")]
    cells = [[IN_TICKS.findall(cell) for cell in row.strip("|").split("|")] for row in rows]
    return [
        Retired(word, tuple(scope) if scope != ["all"] else (), frozenset(exceptions))
        for (word,), scope, _, exceptions, *_ in cells
    ]


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions, classes, arguments and attributes; a local name is its own."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name, body=body):
                yield name
                yield from assigned(body)
            case ast.arg(arg=name):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
            case ast.Module(body=body):
                yield from assigned(body)
            case _:
                pass


def assigned(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that a module or a class assigns."""
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def uses(retired: list[Retired], module: str, tree: ast.Module) -> list[str]:
    """Return the identifiers of a module that use a retired word."""
    valid = [word for word in retired if word.holds_in(module)]
    names = sorted({*module.split("/"), *identifiers(tree)})
    return [f"{module}: {name}" for name in names if any(word.is_in(name) for word in valid)]


@pytest.fixture(scope="module")
def retired(pytestconfig: pytest.Config) -> list[Retired]:
    return retired_words((pytestconfig.rootpath / GLOSSARY).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def modules(pytestconfig: pytest.Config) -> dict[str, ast.Module]:
    """The parsed modules, by their path in the package."""
    package = pytestconfig.rootpath / PACKAGE
    return {
        file.relative_to(package).with_suffix("").as_posix(): ast.parse(file.read_text("utf-8"))
        for file in sorted(package.rglob("*.py"))
    }


def test_no_identifier_uses_a_retired_word(
    retired: list[Retired], modules: dict[str, ast.Module]
) -> None:
    assert retired
    assert [use for module, tree in modules.items() for use in uses(retired, module, tree)] == []


def test_each_scope_and_exception_exists(
    retired: list[Retired], modules: dict[str, ast.Module]
) -> None:
    folders = {module.rpartition("/")[0] for module in modules}
    tops = {folder.split("/")[0] for folder in folders} | folders
    names = {name for tree in modules.values() for name in identifiers(tree)}
    names |= {name for module in modules for name in module.split("/")}
    for word in retired:
        assert set(word.scope) <= tops, word
        assert word.exceptions <= tops | names, word


@pytest.mark.parametrize(
    ("module", "text", "used"),
    [
        ("core/placing", "", ["placing"]),
        ("engine/run", "def tell_progress(): ...", ["tell_progress"]),
        ("engine/run", "async def run(place): ...", ["place"]),
        (
            "engine/run",
            "class Told:\n    said: str\n    def __init__(self): self.dear = 1",
            ["Told", "dear", "said"],
        ),
        ("engine/run", "LIMIT_NANO_USD = 1\nfor place in (): pass", ["LIMIT_NANO_USD"]),
        ("core/pacing/window", "evidence = 1", []),
        ("core/money/budget", "evidence = 1", ["evidence"]),
        ("core/money/budget", "class Run: ...\nclass RunSummary: ...", ["Run"]),
        ("api/client", "class Run: ...\nreplace = placed = 1", []),
        ("api/client", "max_attempts = attempts = attempt_id = 1", ["attempt_id"]),
    ],
)
def test_retired_words_are_found_within_their_scope(
    module: str, text: str, used: list[str], retired: list[Retired]
) -> None:
    assert uses(retired, module, ast.parse(text)) == [f"{module}: {name}" for name in used]
