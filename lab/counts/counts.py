"""The counts of folders, functions, comments and test names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.counts.source import Function, Source, sources_below

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FIRST_FILE_LINES_MAX = 200
FOLDER_FILES_MAX = 14
TEST_NAME_WORDS_MAX = 9
LONG_FUNCTION_LINES = 15
NO_VERB = re.compile(
    r"an?|after|all|another|any|as|at|by|each|every|for|from|how|if|in|its?|no|nothing|of|on|one"
    r"|our|so|some|somebody|something|that|the|their|these|those|until|what|when|where|whether"
    r"|which|whichever|whole|why|with|\w*[^s]s",
    re.IGNORECASE,
)
"""The first word of a noun phrase or a clause. A plural is recognised by its last letter."""


@dataclass(frozen=True, slots=True)
class Count:
    """One figure about the code.

    Attributes:
        goal: what the figure should be; empty if there is no goal.
        cases: what was counted, the worst case first.
    """

    name: str
    value: str
    goal: str = ""
    cases: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the count as a line of a table."""
        goal = f"(goal {self.goal})" if self.goal else ""
        worst = self.cases[0] if self.cases else ""
        return f"{self.name:22} {self.value:>16}  {goal:18} {worst}".rstrip()


def folder_count(folders: list[Path]) -> Count:
    """Count the modules of each folder; `__init__` is not counted."""
    modules = (file for folder in folders for file in folder.rglob("*.py"))
    sizes: dict[str, int] = {}
    for file in modules:
        sizes[str(file.parent)] = sizes.get(str(file.parent), 0) + (file.stem != "__init__")
    ordered = sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0]))
    return Count(
        "largest folder",
        f"{ordered[0][1]} files",
        goal=f"<= {FOLDER_FILES_MAX}",
        cases=tuple(f"{folder}: {size}" for folder, size in ordered),
    )


def code_counts(folders: list[Path], first_file: Path) -> list[Count]:
    """Count lines, names, comments and docstrings of the packages.

    The share of comments is that of the lines of code and comments, because blank lines and
    docstrings say nothing about it.
    """
    sources = sources_below(folders)
    functions = [function for source in sources for function in source.functions]
    first = next((source for source in sources if source.path == first_file), None)
    lines = sum(source.lines for source in sources)
    code = sum(len(source.code) for source in sources)
    comments = sum(len(source.comments) for source in sources)
    return [
        Count("lines of run.py", str(first.lines if first else 0), f"<= {FIRST_FILE_LINES_MAX}"),
        Count("lines of code", f"{code:,} of {lines:,}", cases=_largest(sources)),
        _name_count(functions),
        _share("comment lines", comments, comments + code, "4%"),
        _uncommented(sources),
        _without_verb(functions),
    ]


def counts_of_tests(tests: Path) -> list[Count]:
    """Count the words in the names of tests."""
    functions = functions_of_tests(tests)
    longest = max((words_of(function.name) for function in functions), key=len, default=[])
    long = long_test_names(functions)
    return [
        Count("longest test name", f"{len(longest)} words", f"<= {TEST_NAME_WORDS_MAX}"),
        Count("long test names", f"{len(long)} of {len(functions)}", goal="0", cases=tuple(long)),
    ]


def functions_of_tests(tests: Path) -> list[Function]:
    """Return the test functions below a folder."""
    sources = sources_below([tests], "test_*.py")
    functions = (function for source in sources for function in source.functions)
    return [function for function in functions if function.name.startswith("test_")]


def long_test_names(functions: Iterable[Function]) -> list[str]:
    """Return the tests with more words than a name may have, the longest first."""
    sizes = [(len(words_of(function.name)), function) for function in functions]
    long = [entry for entry in sizes if entry[0] > TEST_NAME_WORDS_MAX]
    long.sort(key=lambda entry: (-entry[0], entry[1].where))
    return [f"{function.where} {size} {function.name}" for size, function in long]


def words_of(name: str) -> list[str]:
    """Return the words of a function's name; `test` is none of them."""
    return [word for word in name.removeprefix("test_").split("_") if word]


def starts_with_verb(docstring: str) -> bool:
    """Return whether a docstring seems to start with a verb: its first word is no known other word."""
    first = docstring.split(maxsplit=1)[0].rstrip(".,:;")
    return first.isalpha() and not NO_VERB.fullmatch(first)


def _name_count(functions: list[Function]) -> Count:
    named = [one for one in functions if not one.name.startswith("__")]
    words = sum(len(words_of(function.name)) for function in named)
    single = [f"{one.where} {one.name}" for one in named if len(words_of(one.name)) == 1]
    return Count(
        "words per name",
        f"{words / max(1, len(named)):.2f}",
        goal=">= 2.1",
        cases=tuple(single),
    )


def _uncommented(sources: list[Source]) -> Count:
    """Count the long functions without a comment; the docstring's lines make a function long, too."""
    long = [
        (function, not source.comments.isdisjoint(function.lines))
        for source in sources
        for function in source.functions
        if len(function.lines) >= LONG_FUNCTION_LINES
    ]
    silent = [function for function, is_commented in long if not is_commented]
    silent.sort(key=lambda function: (-len(function.lines), function.where))
    cases = (f"{one.where} {one.name}: {len(one.lines)} lines" for one in silent)
    return _share("uncommented functions", len(silent), len(long), "< 50%", tuple(cases))


def _without_verb(functions: list[Function]) -> Count:
    """Count the docstrings without a verb; a property has a noun."""
    spoken = [one for one in functions if one.docstring and not one.is_property]
    nouns = [
        f"{one.where} {one.docstring.splitlines()[0]}"
        for one in spoken
        if not starts_with_verb(one.docstring)
    ]
    return _share("docstrings, no verb", len(nouns), len(spoken), "0", tuple(nouns))


def _largest(sources: list[Source]) -> tuple[str, ...]:
    ordered: list[Source] = sorted(sources, key=_code_size, reverse=True)
    return tuple(f"{source.path}: {len(source.code)}" for source in ordered)


def _code_size(source: Source) -> int:
    return len(source.code)


def _share(name: str, part: int, whole: int, goal: str, cases: tuple[str, ...] = ()) -> Count:
    return Count(name, f"{part} ({part / max(1, whole):.1%})", goal, cases)
