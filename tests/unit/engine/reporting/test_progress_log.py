from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.engine.reporting.progress_log import ProgressLog
from tests.fakes.prepared_run import PreparedRun
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    import pytest

CALLS: Any = SimpleNamespace(
    collector=SimpleNamespace(rows_done=3, rows_reused=1),
    limiter=SimpleNamespace(
        in_flight=2, window=SimpleNamespace(permitted_calls=8), throttled=0, bound_by=""
    ),
    budget=SimpleNamespace(charged_nano_usd=0),
)


def lines_within(hours: float, caplog: pytest.LogCaptureFixture) -> int:
    """Return how many progress lines a run of this length logs."""

    async def run() -> None:
        clock = PreparedRun(["a"]).clock
        with suppress(TimeoutError):
            async with asyncio.timeout(hours * 3600):
                await ProgressLog(CALLS, rows=9, clock=clock).write_every(5.0)

    caplog.clear()
    with caplog.at_level(logging.INFO):
        run_virtual(run())
    return sum("3 of 9 rows" in record.getMessage() for record in caplog.records)


def test_lines_become_less_frequent_with_time(caplog: pytest.LogCaptureFixture) -> None:
    """The first ones come every five seconds, the later ones every three minutes."""
    assert lines_within(21 / 3600, caplog) == 4
    assert lines_within(1.0, caplog) <= 45
    assert lines_within(10.0, caplog) - lines_within(9.0, caplog) == 20
