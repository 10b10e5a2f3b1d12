"""The span around a run, as an exporter of OpenTelemetry's own SDK gets it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from aimlapi_simulator.faults.script import Fault, Script
from airflow_provider_aimlapi.operators.telemetry.observation import Observation
from airflow_provider_aimlapi.operators.telemetry.tracing import run_span

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

pytestmark = pytest.mark.airflow

CARRIER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put("in/texts.parquet", {"text": [f"Text {number}." for number in range(12)]})
    return {
        "input_path": lake.url("in/"),
        "output_path": lake.url("out/"),
        "prompt": "{text}",
    }


def of_run(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = [span for span in spans.get_finished_spans() if span.name == "aimlapi.run"]
    return span


def test_run_is_span_with_its_counts_and_its_bill(
    spans: InMemorySpanExporter, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run = run_task(**paths)
    assert run.state == "success", run.output
    span = of_run(spans)
    assert span.status.status_code is StatusCode.UNSET
    told = dict(span.attributes or {})
    assert {name: told[f"aimlapi.{name}"] for name in run.summary} == run.summary
    assert told["aimlapi.state"] == "published"
    assert told["aimlapi.model"] == "anthropic/claude-sonnet-4-6-20260218"
    assert told["aimlapi.try_cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)


def test_error_span_has_its_kind_and_the_progress(
    spans: InMemorySpanExporter, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(faults=(Fault(kind="403", after=7, times=2),)))
    assert run_task(**paths, max_concurrency=1).state == "failed"
    span = of_run(spans)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "AccessRefused")
    told: dict[str, Any] = dict(span.attributes or {})
    assert (told["error.type"], told["aimlapi.state"]) == ("AccessRefused", "failed")
    assert 0 < told["aimlapi.rows_done"] < told["aimlapi.rows"] == 12
    assert told["aimlapi.cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    assert span.events == ()


def test_it_is_a_child_of_the_tasks_span(
    spans: InMemorySpanExporter, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    with trace.get_tracer("airflow").start_as_current_span("worker.complete") as task_span:
        run_task(**paths)
    span = of_run(spans)
    assert span.parent is not None
    assert span.context.trace_id == task_span.get_span_context().trace_id


def test_span_takes_its_parent_from_the_tasks_carrier(
    spans: InMemorySpanExporter,
) -> None:
    """As before Airflow 3.2, whose task runner opens no span."""
    context = {"ti": SimpleNamespace(context_carrier=CARRIER)}
    with run_span(context, Observation(lambda _: None)):
        pass
    parent = of_run(spans).parent
    assert parent is not None
    assert f"{parent.trace_id:032x}-{parent.span_id:016x}" in CARRIER["traceparent"]


def test_run_that_never_started_has_a_span_with_reason(
    spans: InMemorySpanExporter, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    assert run_task(**{**paths, "prompt": "{nothing_like_it}"}).state == "failed"
    assert dict(of_run(spans).attributes or {}) == {"error.type": "InvalidSpec"}


def test_without_a_provider_nothing_is_recorded() -> None:
    with run_span({}, Observation(lambda _: None)):
        assert not trace.get_current_span().is_recording()
