"""Every place that shows a run's figures shows invalid and repaired rows, and none of their text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Fault, Script
from tests.airflow.observed.test_asset_events import events_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from tests.airflow.observed.conftest import StatsdServer

pytestmark = pytest.mark.airflow

DAY = datetime(2026, 5, 2, tzinfo=UTC)
SCHEMA = {
    "type": "object",
    "properties": {"topic": {"enum": ["billing", "delivery"]}, "n": {"type": "integer"}},
    "required": ["topic", "n"],
}
EXPECTED = {"ok": 19, "invalid": 1, "repaired": 3}


@pytest.fixture(autouse=True)
def _texts(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put("in/texts.parquet", {"text": [f"Text {number}." for number in range(20)]})
    arguments = {
        "input_path": lake.url("in/"),
        "output_path": lake.url("out/"),
        "output_schema": SCHEMA,
    }
    monkeypatch.setenv("AIMLAPI_TEST_ARGUMENTS", json.dumps(arguments))


def test_invalid_and_repaired_rows_are_counted_everywhere(
    statsd: StatsdServer,
    events: Callable[[], list[dict[str, Any]]],
    spans: InMemorySpanExporter,
    api: Any,
    lake: Any,
    run_tasks: Callable[..., Any],
) -> None:
    never = Fault(kind="typed-not-json", contains="Text 3.")
    once = [Fault(kind="typed-not-json", contains=f"Text {row}.", times=1) for row in (5, 7)]
    api.follow(Script(faults=(never, *once)))
    run = run_tasks("tests", "told_assets", DAY)
    assert run.states["complete"] == ["success"], run.output

    (summary,) = run.xcoms["complete", "return_value"]
    (span,) = [span for span in spans.get_finished_spans() if span.name == "aimlapi.run"]
    ended = [event["run"]["facets"] for event in events() if event["eventType"] == "COMPLETE"]
    (facet,) = [facets["aimlapi_run"] for facets in ended if "aimlapi_run" in facets]
    counted = statsd.counted()
    shown = {
        "summary": summary,
        "asset event": events_of("told_assets")["answers"].extra,
        "span": {name: (span.attributes or {})[f"aimlapi.{name}"] for name in EXPECTED},
        "facet": facet,
        "metrics": {name: counted[f"aimlapi.rows.{name}"] for name in EXPECTED},
    }
    assert {
        kind: {n: found[n] for n in EXPECTED} for kind, found in shown.items()
    } == dict.fromkeys(shown, EXPECTED)
    assert summary["cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    (report,) = [name for name in lake.names("out") if name.endswith("report.html")]
    page = lake.read(report).decode()
    assert '"invalid":1' in page
    assert '"repaired":3' in page
    for text in (page, run.output, json.dumps(shown, default=str), *statsd.packets):
        assert "The topic is billing." not in text  # the invalid answer
