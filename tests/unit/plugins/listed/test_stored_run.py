"""Whatever a task stores as its progress, it decodes within limits or is listed without numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.plugins.listed.stored_run import REASON_CHARACTERS, decode_run

PROGRESS: dict[str, Any] = {"state": "failed", "model": "m", "updated_us": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": 1},
        {"model": "m" * 201},
        {"cost_nano_usd": -1},
        {"cost_nano_usd": 2**70},
        {"updated_us": 10**20},
        {"run_key": "../../etc"},
        {"attempts": [{"cost_nano_usd": -5}]},
        {"attempts": [{}] * 65},
        {"replaced": [{"cost_nano_usd": 1.5}]},
        {"replaced": [{"updated_us": 10**18}]},
        {"output": "x" * PROGRESS_BYTES_MAX},
        {"rows": "many"},
    ],
)
def test_impossible_progress_is_not_decoded(changes: dict[str, Any]) -> None:
    assert decode_run(json.dumps(PROGRESS | changes)) is None


def test_long_reason_is_cut() -> None:
    run = decode_run(json.dumps(PROGRESS | {"attempts": [{"error": "e" * 2_000}]}))
    assert run is not None
    assert run.reason == "e" * REASON_CHARACTERS


@pytest.mark.parametrize(
    ("report", "share"),
    [
        ("s3://b/out/_aimlapi/k/share/0003/report.html", 3),
        ("s3://b/share/0003/report.html/_aimlapi/k/report.html", None),
        ("", None),
    ],
)
def test_share_is_read_from_its_report(report: str, share: int | None) -> None:
    run = decode_run(json.dumps(PROGRESS | {"report": report}))
    assert run is not None
    assert run.share == share
