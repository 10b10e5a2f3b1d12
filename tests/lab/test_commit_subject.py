from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.commit_subject import fault_of, main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "subject",
    [
        "pacing: keep going when refusals do not depend on load",
        "tests: embed the sample",
        "docs: process pages, and need no network",
        f"core: keep {'b' * 61}",
        "Merge branch 'pacing'",
        'Revert "pacing: keep going"',
        "fixup! pacing: keep going",
    ],
)
def test_correct_subject_passes(subject: str) -> None:
    assert fault_of(subject) == ""


@pytest.mark.parametrize(
    ("subject", "fix"),
    [
        ("", "area: imperative"),
        ("Keep going when refusals do not depend on load", "area: imperative"),
        ("Pacing: keep going", "area: imperative"),
        ("pacing:keep going", "area: imperative"),
        (f"core: keep {'b' * 62}", "73 characters"),
        ("pacing: kept going", "imperative"),
        ("pacing: added a window", "imperative"),
        ("pacing: adding a window", "imperative"),
        ("pacing: adds a window", "imperative"),
        ("pacing: the window grows", "imperative"),
        ("pacing: keep going; fix the gate", "one subject"),
        ("pacing: keep going. Fix the gate", "one subject"),
        ("pacing: keep going.", "one subject"),
    ],
)
def test_wrong_subject_is_explained(subject: str, fix: str) -> None:
    assert fix in fault_of(subject)


def test_comments_before_the_subject_are_skipped(tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("# A comment of git\n\ncore: keep the sum\n\nBecause.\n", encoding="utf-8")
    assert main(message) == 0


def test_hook_refuses_a_wrong_subject(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    settings = yaml.safe_load((pytestconfig.rootpath / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in settings["repos"] for hook in repo["hooks"]]
    (entry,) = [hook["entry"] for hook in hooks if hook.get("stages") == ["commit-msg"]]
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("Added a window.\n", encoding="utf-8")
    _, *arguments = shlex.split(entry)
    check = subprocess.run(
        [sys.executable, *arguments, message],
        cwd=pytestconfig.rootpath,
        check=False,
        capture_output=True,
        text=True,
    )
    assert check.returncode == 1
    assert "area: imperative" in check.stderr
