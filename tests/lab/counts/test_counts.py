from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from lab.counts.__main__ import counts_of
from lab.counts.counts import starts_with_verb, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from lab.counts.counts import Count

RUN = '''"""Run it."""

from counted_package import one


def run(first):
    """Return nothing."""
    return one.add_up(first)  # noqa: X1


class Window:
    @property
    def level(self):
        """The level."""

    def __eq__(self, other):
        # Two windows are never equal.
        return False
'''
ONE = (
    '"""One."""\n\nfrom counted_package import three, two\n\n\n'
    'def add_up(first):\n    """The sum."""\n' + "    first += 1\n" * 13 + "    return first\n"
)
TESTS = """
def helper_of_tests(): ...
def test_it(): ...
def test_a_name_of_exactly_nine_words_is_short_enough(): ...
def test_a_name_of_more_than_nine_words_is_too_long(): ...
"""


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Count]:
    package = tmp_path / "provider" / "counted_package"
    (package / "engine").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(ONE)
    (package / "two.py").write_text("import counted_package.three\n")
    (package / "three.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import counted_package.two\n"
    )
    (package / "engine" / "__init__.py").write_text("")
    (package / "engine" / "run.py").write_text(RUN)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text(TESTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "provider"), *sys.path])
    return {count.name: count for count in counts_of(tmp_path, ("counted_package",))}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("largest folder", "3 files"),  # __init__ is not counted
        ("import chain", "4 modules"),  # run, one, and the two that import each other
        ("import cycles", "1"),
        ("lines of run.py", str(len(RUN.splitlines()))),
        ("words per name", "1.33"),  # run, level, add_up
        ("comment lines", "1 (3.4%)"),  # a pragma is no comment
        ("uncommented functions", "1 (100.0%)"),
        ("docstrings, no verb", "1 (50.0%)"),  # a property has a noun
        ("longest test name", "10 words"),
        ("long test names", "1 of 3"),
    ],
)
def test_a_small_tree_is_counted(name: str, value: str, counts: dict[str, Count]) -> None:
    assert counts[name].value == value


def test_docstrings_are_no_code(counts: dict[str, Count]) -> None:
    everything = RUN + ONE + "1\n" * 4
    code, lines = map(int, re.findall(r"\d+", counts["lines of code"].value))
    assert (code, lines) == (28, len(everything.splitlines()))


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("largest folder", "provider/counted_package: 3"),
        ("import chain", "counted_package.engine.run"),
        ("uncommented functions", "counted_package/one.py:6 add_up: 16 lines"),
        ("docstrings, no verb", "counted_package/one.py:6 The sum."),
        ("words per name", "run.py:6 run"),
        ("long test names", "test_one.py:5 10 test_a_name_of_more_than_nine_words_is_too_long"),
    ],
)
def test_the_worst_case_is_shown(name: str, case: str, counts: dict[str, Count]) -> None:
    assert case in counts[name].line()


@pytest.mark.parametrize(
    ("docstring", "is_verb"),
    [
        ("Return the sum.", True),
        ("Process a row.", True),
        ("The sum.", False),
        ("Seconds until the end.", False),
        ("What a part says.", False),
        ("`name`, or nothing.", False),
    ],
)
def test_a_noun_is_told_from_a_verb(docstring: str, is_verb: bool) -> None:
    assert starts_with_verb(docstring) is is_verb


def test_underscores_separate_the_words_of_a_name() -> None:
    assert words_of("test_the_cache_is_full") == ["the", "cache", "is", "full"]
    assert words_of("_read") == ["read"]
