"""The page on checks shows what a check prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimlapi_simulator import Fault, Script
from airflow_provider_aimlapi.checks.table import report_lines
from tests.checks.conftest import checked

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_shows_the_table_as_printed(pytestconfig: pytest.Config) -> None:
    root: Path = pytestconfig.rootpath
    page = (root / "provider/docs/how-to/check.md").read_text(encoding="utf-8")
    shown = [line.removeprefix("    ") for line in page.splitlines()]
    printed = list(report_lines(checked(Script()).report))
    assert [line for line in printed if line not in shown] == []


def test_remedies_are_printed_once() -> None:
    fault = Fault(kind="403")
    printed = list(report_lines(checked(Script(faults=(fault,))).report))
    assert sum("Top up at https://" in line for line in printed) == 1
    refused = [line for line in printed if "HTTP 403" in line]
    assert len(refused) > 5
    assert max(map(len, refused)) < 250
