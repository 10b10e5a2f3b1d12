"""No text from outside forges a line of a log, moves a cursor, or reorders what a person reads."""

from __future__ import annotations

import ast
import inspect
import logging
import os
import sys
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.commands.terminal import print_error, print_line
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORGED = "2026-01-01 ERROR all rows were deleted"
NASTY = [
    f"x\n{FORGED}", f"x\r\n{FORGED}", f"x\r{FORGED}", f"x\x0b{FORGED}", f"x\x0c{FORGED}", f"x\x85{FORGED}",
    f"x\u2028{FORGED}", f"x\u2029{FORGED}", f"x\x1c{FORGED}", f"x\x1d{FORGED}", f"x\x1e{FORGED}",
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "\x9b31m",
    "\x1b]52;c;ZWNobw==\x07", "a\x08\x08b", "\x00", "\x7f", "a\tb", "\u202egpj.exe", "\u2066\u2067\u2068\u2069",
    "\u202a\u202b\u202c\u202d\u202e", "\u200e\u200f\u061c", "\u200b\u200c\u200d\u2060\ufeff", "\u00ad", "\ud800",
    "\udcff", "\ue000", "\U000e0041", "\u180e", "\ufff9x\ufffa",
]  # fmt: skip
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
texts = st.one_of(st.text(), st.lists(st.sampled_from(NASTY)).map("".join))


def is_plain(line: str) -> bool:
    """By Unicode's categories, not by the function under test."""
    return not any(unicodedata.category(character) in UNSEEN for character in line)


KINDS: list[type[errors.AimlapiError]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AimlapiError)
]


def chained(text: str, kind: type[Exception]) -> Exception:
    """An error that was raised from another one, both with this text."""
    raised: Exception | None = None
    try:
        try:
            os.stat(text.replace("\0", "0").encode("utf-8", "replace"))  # noqa: PTH116
        except OSError as cause:
            raise kind(f"Could not read {text}") from cause
    except kind as error:
        raised = error
    assert raised is not None
    return raised


@given(text=texts)
def test_printable_text_is_one_plain_line(text: str) -> None:
    shown = printable_text(text)
    assert is_plain(shown)
    assert len(shown.splitlines()) <= 1
    assert printable_text(shown) == shown


@given(code=st.integers(0, sys.maxunicode))
def test_each_character_shows_as_itself_or_as_its_escape(code: int) -> None:
    character = chr(code)
    shown = printable_text(character)
    assert shown == character or shown.encode().decode("unicode_escape") == character


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", NASTY)
def test_error_text_is_one_plain_line(kind: type[errors.AimlapiError], text: str) -> None:
    error = kind(f"Column '{text}' is not there.")
    assert is_plain(str(error))
    assert is_plain("".join(error.args))
    assert "is not there." in str(error)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What a plain formatter writes of the provider's log, line by line, once the test has logged."""
    found: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.extend(self.format(record).splitlines())

    handler = Lines()
    handler.setFormatter(logging.Formatter("AT %(levelname)s %(message)s"))
    log = logging.getLogger("airflow_provider_aimlapi")
    log.addHandler(handler)
    caplog.set_level(logging.DEBUG)
    yield found
    log.removeHandler(handler)


@pytest.mark.parametrize("text", NASTY)
def test_log_line_stays_one_line(lines: list[str], text: str) -> None:
    log = logger("airflow_provider_aimlapi.engine")
    log.warning("The store said: %s (%r), %d times", OSError(text), text, 3)
    (line,) = lines
    assert is_plain(line)
    assert line.startswith("AT WARNING The store said: ")
    assert line.endswith("3 times")


@pytest.mark.parametrize("text", NASTY)
def test_traceback_in_the_log_forges_no_line(lines: list[str], text: str) -> None:
    log = logger("airflow_provider_aimlapi.engine")
    log.error("It failed", exc_info=chained(text, ValueError))
    try:
        raise ValueError(text)  # noqa: TRY301  # where it is caught is what is tested
    except ValueError:
        log.exception("It failed again")
    assert all(is_plain(line) for line in lines)
    assert not [line for line in lines if line.startswith(FORGED)]
    assert [line for line in lines if "FileNotFoundError: " in line or "OSError: " in line]
    assert [line for line in lines if "ValueError: " in line]


def test_log_line_names_the_place_that_wrote_it(caplog: pytest.LogCaptureFixture) -> None:
    logger("airflow_provider_aimlapi.engine").warning("here")
    assert caplog.records[0].filename == "test_printable.py"
    assert caplog.records[0].funcName == "test_log_line_names_the_place_that_wrote_it"


def test_error_chain_of_a_task_is_printable() -> None:
    from airflow_provider_aimlapi.operators.airflow_errors import without_frames

    for text in NASTY:
        error = chained(text, errors.StoreUnavailable)
        assert isinstance(error, errors.StoreUnavailable)
        told = without_frames(error)
        assert is_plain(str(told))
        assert (told.__traceback__, told.__context__, told.__cause__) == (None, None, None)


@pytest.mark.parametrize("text", NASTY)
def test_command_line_prints_one_plain_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    print_line(f"s3://lake/{text}")
    print_error(f"No run at {text}")
    printed = capsys.readouterr()
    for written in (printed.out, printed.err):
        assert written.endswith("\n")
        assert is_plain(written[:-1])


@pytest.mark.parametrize("text", [text for text in NASTY if text.isascii() and "\0" not in text])
def test_command_repeats_arguments_as_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    for words in (["clean", f"{tmp_path}/{text}", "--older-than", "1d"], ["clean", "x", text]):
        with suppress(SystemExit):
            main(words)
        printed = capsys.readouterr()
        assert all(is_plain(line) for line in (printed.out + printed.err).split("\n"))
        assert FORGED not in (printed.out + printed.err).split("\n")


@pytest.mark.parametrize("text", NASTY)
def test_connection_id_in_an_error_is_plain(text: str) -> None:
    with pytest.raises(errors.ConnectionIncomplete) as refused:
        parse_endpoint(host="", key=None, connection=text)
    assert is_plain(str(refused.value))


def test_all_loggers_and_prints_go_through_the_same_place(pytestconfig: pytest.Config) -> None:
    """A line that is logged or printed in another way would not be made printable."""
    package = pytestconfig.rootpath / "provider/airflow_provider_aimlapi"
    found = {
        (str(file.relative_to(package)), use)
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and (use := _use_of(node))
    }
    assert sorted(found) == [
        ("commands/terminal.py", "print"),
        ("logs.py", "getLogger"),
        ("operators/locations.py", "getLogger"),  # another package's, to set its level
    ]


def _use_of(call: ast.Call) -> str:
    called: Any = call.func
    if isinstance(called, ast.Name) and called.id == "print":
        return "print"
    if not isinstance(called, ast.Attribute):
        return ""
    if called.attr == "getLogger":
        return "getLogger"
    is_own = ast.unparse(called.value) == "self.log"  # Airflow's, of an operator or a hook
    is_plain = all(
        ast.unparse(argument).startswith("printable_text(") for argument in call.args[1:]
    )
    return "self.log" if is_own and not is_plain else ""
