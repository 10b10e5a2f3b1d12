from __future__ import annotations

import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.engine.calls.descriptors import (
    RESERVED,
    calls_within,
    fit_to_descriptors,
)
from airflow_provider_aimlapi.engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


def limited(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def in_child(soft: int, hard: int, wanted: int) -> tuple[int, int, str]:
    """What a process with these limits makes of `max_concurrency`, its soft limit then, and its log."""
    script = (
        "import logging, resource; logging.basicConfig();"
        "from airflow_provider_aimlapi.engine.calls.descriptors import fit_to_descriptors as fit;"
        "from airflow_provider_aimlapi.engine.settings import Settings;"
        f"print(fit(Settings(max_concurrency={wanted})).max_concurrency,"
        "resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    child = subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=limited(soft, hard),
        capture_output=True,
        text=True,
        check=True,
    )
    calls, soft_then = map(int, child.stdout.split())
    return calls, soft_then, child.stderr


@pytest.mark.parametrize(
    ("limit", "open_now", "calls"),
    [(1_024, 40, 920), (256, 40, 152), (100, 40, 30), (41, 40, 1), (40, 40, 1), (40, 90, 1)],
)
def test_some_descriptors_stay_reserved(limit: int, open_now: int, calls: int) -> None:
    assert calls_within(limit, open_now) == calls


def test_soft_limit_is_raised_to_the_hard_one() -> None:
    calls, soft, log = in_child(64, 512, 300)
    assert (calls, soft, log) == (300, 512, "")


def test_low_hard_limit_lowers_calls_and_names_the_fix() -> None:
    calls, soft, log = in_child(64, 256, 1_500)
    assert 64 < calls <= 256 - RESERVED
    assert soft == 256
    assert "ulimit -n" in log
    assert "max_concurrency=1,500" in log


def test_limit_that_is_high_enough_stays() -> None:
    assert in_child(400, 512, 100)[:2] == (100, 400)


def test_settings_that_fit_stay_the_same() -> None:
    settings = Settings(max_concurrency=1)
    assert fit_to_descriptors(settings) is settings
