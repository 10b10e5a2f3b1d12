"""A run's metrics, as a StatsD server on a real socket gets them from Airflow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator.faults.script import Fault, Limits, Script
from aimlapi_simulator.faults.script import Latency as SimulatedLatency
from airflow_provider_aimlapi.core.calls.completion import STATUSES
from airflow_provider_aimlapi.core.reporting.call_figures import Latency
from airflow_provider_aimlapi.core.reporting.run_progress import (
    AttemptProgress,
    RunProgress,
)
from airflow_provider_aimlapi.operators.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.airflow.observed.conftest import StatsdServer

pytestmark = pytest.mark.airflow

ROWS = 120


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    texts = [None, *(f"Text number {number}." for number in range(1, ROWS))]
    lake.put("in/texts.parquet", {"text": texts})
    return {
        "input_path": lake.url("in/"),
        "output_path": lake.url("out/"),
        "prompt": "{text}",
    }


def test_counters_add_up_to_the_runs_figures(
    statsd: StatsdServer, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(limits=Limits(max_concurrent=4), latency=SimulatedLatency(median_s=0.05)))
    run = run_task(**paths)
    assert run.state == "success", run.output
    counted = statsd.counted()
    assert (counted["aimlapi.rows.ok"], counted["aimlapi.rows.skipped"]) == (ROWS - 1, 1)
    assert "aimlapi.rows.rejected" not in counted
    assert counted["aimlapi.calls"] == run.summary["requests"]
    assert counted["aimlapi.throttled"] == run.summary["throttled"] > 0
    assert counted["aimlapi.prompt_tokens"] == run.summary["prompt_tokens"]
    assert counted["aimlapi.completion_tokens"] == run.summary["completion_tokens"]
    assert counted["aimlapi.cost_nano_usd"] / 1e9 == pytest.approx(run.summary["cost_usd"])


def test_metrics_have_tags_and_come_seldom(
    statsd: StatsdServer, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    """The tags are dag, task and model."""
    run_task(**paths)
    sent = statsd.metrics()
    assert {tuple(sorted(metric.tags.items())) for metric in sent} == {
        (
            ("dag_id", "one_task"),
            ("model", "anthropic/claude-sonnet-4-6-20260218"),
            ("task_id", "complete"),
        )
    }
    rows = [metric for metric in sent if metric.name == "aimlapi.rows.ok"]
    assert len(rows) < ROWS / 10
    assert not [packet for packet in statsd.packets if "Text number" in packet]


def test_gauges_show_latency_and_end_at_zero(
    statsd: StatsdServer, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(latency=SimulatedLatency(median_s=0.2)))
    run_task(**paths)
    gauges: dict[str, list[float]] = {}
    for metric in statsd.metrics():
        if metric.kind == "g":
            gauges.setdefault(metric.name, []).append(metric.value)
    assert gauges["aimlapi.in_flight"][-1] == gauges["aimlapi.rows_per_s"][-1] == 0
    for share in (50, 90, 99):
        assert min(gauges[f"aimlapi.latency_p{share}_ms"]) >= 200


def test_two_tries_count_each_row_once(
    statsd: StatsdServer, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    api.follow(Script(faults=(Fault(kind="403", after=60, times=3),)))
    assert run_task(**paths, max_concurrency=2).state == "failed"
    first = statsd.counted()
    assert 0 < first["aimlapi.rows.ok"] < ROWS - 1
    run = run_task(**paths, max_concurrency=2)
    assert run.state == "success", run.output
    both = statsd.counted()
    assert both["aimlapi.rows.ok"] == ROWS - 1
    assert both["aimlapi.cost_nano_usd"] / 1e9 == pytest.approx(run.summary["cost_usd"])


def test_the_page_lists_what_is_sent(pytestconfig: pytest.Config) -> None:
    """Held to what is sent of a try that met everything."""
    attempt = AttemptProgress(
        epoch=1,
        first_epoch=1,
        state="running",
        started_us=0,
        updated_us=0,
        statuses=dict.fromkeys(STATUSES, 1),
        requests=1,
    )
    progress = RunProgress(
        run_key="ab" * 16,
        state="running",
        model="any",
        input="any",
        output="any",
        manifest="any",
        report="any",
        updated_us=0,
        rows=5,
        latency=Latency(calls=1),
        attempts=(attempt,),
    )
    page = pytestconfig.rootpath / "provider/docs/how-to/observe.md"
    listed = re.findall(r"`aimlapi\.([\w.]+)` \|", page.read_text(encoding="utf-8"))
    assert sorted(listed) == sorted({**metrics._counts_of(attempt), **metrics._levels_of(progress)})


def test_a_run_that_is_published_already_counts_nothing(
    statsd: StatsdServer, api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run_task(**paths)
    before = statsd.counted()
    assert run_task(**paths).summary["reused"] == ROWS
    assert statsd.counted() == before
