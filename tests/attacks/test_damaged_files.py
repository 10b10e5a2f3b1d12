"""No damage to an input ends the process, or comes out as anything but an error of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

COPIES, COPIES_LONG = 60, 3000


def ends_of(config: pytest.Config, seed: int, copies: int) -> dict[str, int]:
    paths = [str(config.rootpath / "provider"), str(config.rootpath)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.damaged_files", str(seed), str(copies)],
        cwd=config.rootpath,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ends: dict[str, int] = json.loads(done.stdout)
    return ends


def test_damaged_copies_are_read_or_named(pytestconfig: pytest.Config) -> None:
    ends = ends_of(pytestconfig, seed=7, copies=COPIES)
    assert sum(ends.values()) == COPIES
    assert ends.keys() == {"read", "InputUnreadable"}


@pytest.mark.attack
@pytest.mark.parametrize("seed", range(3))
def test_many_damaged_copies_are_read_or_named(seed: int, pytestconfig: pytest.Config) -> None:
    ends = ends_of(pytestconfig, seed=seed, copies=COPIES_LONG)
    assert sum(ends.values()) == COPIES_LONG
    assert ends.keys() == {"read", "InputUnreadable"}
