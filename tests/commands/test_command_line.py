"""The command line itself: what is installed, what it offers, how it answers wrong words."""

from __future__ import annotations

import importlib
import tomllib
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi import __version__
from airflow_provider_aimlapi.commands.age import parse_age_s
from airflow_provider_aimlapi.commands.entry import main

if TYPE_CHECKING:
    from pathlib import Path


def test_the_script_that_is_installed_is_this_one(pytestconfig: pytest.Config) -> None:
    project: Path = pytestconfig.rootpath / "pyproject.toml"
    script = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, name = script["airflow-aimlapi"].partition(":")
    assert getattr(importlib.import_module(module), name) is main


def test_help_lists_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for command in ("clean", "reconcile", "check"):
        assert command in said


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("words", [[], ["tidy"], ["clean"], ["clean", "a", "b", "--older-than=1d"]])
def test_wrong_arguments_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "airflow-aimlapi" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "hours"), [("0h", 0), ("12h", 12), ("30d", 720), (" 2W ", 336), ("1d", 24)]
)
def test_ages_are_read(text: str, hours: int) -> None:
    assert parse_age_s(text) == hours * 3600
