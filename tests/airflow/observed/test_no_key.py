"""A search for the key in everything that a task sends: lineage, metrics, spans, events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Account, Fault, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from tests.airflow.observed.conftest import StatsdServer

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 6, 1, tzinfo=UTC)
KEY_PART = "never-to-be-seen"
SECRET_TEXT = "Confidential remark"


@pytest.fixture
def told(
    events: Callable[[], list[dict[str, Any]]], statsd: StatsdServer, spans: InMemorySpanExporter
) -> Callable[[], dict[str, str]]:
    """All that was received so far, by who received it."""

    def gather() -> dict[str, str]:
        statsd.metrics()
        return {
            "lineage": "\n".join(map(json.dumps, events())),
            "metrics": "\n".join(statsd.packets),
            "spans": "\n".join(span.to_json() for span in spans.get_finished_spans()),
            "asset events": json.dumps([event.extra for event in _asset_events()]),
        }

    return gather


@pytest.fixture
def _texts(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{SECRET_TEXT} number {number}" for number in range(12)]
    lake.put("in/texts.parquet", {"text": texts})
    arguments = {"input_path": lake.url("in/"), "output_path": lake.url("out/")}
    monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(arguments))


@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script(faults=(Fault(kind="403", after=7),)),
        Script(faults=(Fault(kind="raw", status=400, body=f'{{"message": "{SECRET_TEXT}"}}'),)),
        Script(faults=(Fault(kind="raw", status=401, body=f'{{"message": "{SECRET_TEXT}"}}'),)),
        Script(account=Account(key="another-key")),
    ],
    ids=["published", "refused half-way", "rejected", "refused with an echo", "refused"],
)
@pytest.mark.usefixtures("_texts")
def test_telemetry_contains_no_key_and_no_row_text(
    told: Callable[[], dict[str, str]], api: Any, run_tasks: Callable[..., Any], script: Script
) -> None:
    api.follow(script)
    run_tasks("tests", "told_assets", DAY)

    heard = told()
    assert "aimlapi.run" in heard["spans"]
    assert "COMPLETE" in heard["lineage"] or "FAIL" in heard["lineage"]
    assert {where for where, text in heard.items() if KEY_PART in text} == set()
    assert {where for where, text in heard.items() if SECRET_TEXT in text} == set()


def _asset_events() -> list[Any]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = list(session.scalars(select(AssetEvent)))
        session.expunge_all()
        return found
