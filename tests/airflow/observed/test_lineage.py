"""The events of a run in OpenLineage's file transport, sent by Airflow's OpenLineage provider."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import attrs
import jsonschema
import pytest

from aimlapi_simulator.faults.script import Fault, Script

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

KEY_PART = "never-to-be-seen"
ROWS = 12


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put(
        "texts/ds=2026-01-01/texts.parquet",
        {"id": list(range(ROWS)), "text": [f"Text {number}." for number in range(ROWS)]},
    )
    at = f"s3://aws_lake@{lake.bucket}"
    return {
        "input_path": f"{at}/texts/",
        "output_path": f"{at}/out/",
        "prompt": "{ds}: {text}",
    }


@pytest.fixture(autouse=True)
def _aws(connect: Callable[..., str], s3_server: Any) -> None:
    connect(
        "aws_lake",
        conn_type="aws",
        login="test-key",
        password="test-secret",
        extra={"endpoint_url": s3_server.url, "region_name": "us-east-1"},
    )


def fields(facet: dict[str, Any]) -> dict[str, str]:
    return {field["name"]: field["type"] for field in facet["fields"]}


def test_runs_report_input_output_and_cost(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    lake: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    run = run_task(**paths)
    assert run.state == "success", run.output
    start, complete = events()
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")

    names = {"namespace": f"s3://{lake.bucket}", "name": "texts"}
    written = {"namespace": f"s3://{lake.bucket}", "name": "out"}
    (source,), (target,) = complete["inputs"], complete["outputs"]
    for event in (start, complete):
        assert {key: event["inputs"][0][key] for key in names} == names
        assert {key: event["outputs"][0][key] for key in written} == written
    columns = {"id": "int64", "text": "string"}
    assert fields(source["facets"]["schema"]) == {**columns, "ds": "string"}
    told = {"completion": "string", "completion_info": "struct"}
    assert fields(target["facets"]["schema"]) == {**columns, **told}
    info = target["facets"]["schema"]["fields"][-1]
    assert {"name": "cost_usd", "type": "double"}.items() <= info["fields"][7].items()

    statistics = source["inputFacets"]["inputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (ROWS, 1)
    (visible,) = [name for name in lake.names("out") if name.endswith("/texts-00000.parquet")]
    statistics = target["outputFacets"]["outputStatistics"]
    assert statistics["rowCount"] == ROWS
    assert (statistics["fileCount"], statistics["size"]) == (1, len(lake.read(visible)))

    facet = complete["run"]["facets"]["aimlapi_run"]
    assert {name: facet[name] for name in run.summary} == run.summary
    assert facet["model"] == "anthropic/claude-sonnet-4-6-20260218"
    assert (
        facet["cost_usd"] == facet["try_cost_usd"] == pytest.approx(api.simulator.ledger.total_usd)
    )


def test_answers_derive_from_the_prompts_columns(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    run_task(**paths)
    lineage = events()[-1]["outputs"][0]["facets"]["columnLineage"]["fields"]
    came_from = {
        column: [
            (field["field"], field["transformations"][0]["subtype"]) for field in of["inputFields"]
        ]
        for column, of in lineage.items()
    }
    answers = [("ds", "TRANSFORMATION"), ("text", "TRANSFORMATION")]
    assert came_from == {
        "id": [("id", "IDENTITY")],
        "text": [("text", "IDENTITY")],
        "completion": answers,
        "completion_info": answers,
    }


def test_tries_report_costs_that_add_up(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    """The first try meets an outage half-way, and the second continues there."""
    api.follow(Script(faults=(Fault(kind="403", after=7, times=2),)))
    assert run_task(**paths, max_concurrency=1).state == "failed"
    assert run_task(**paths, max_concurrency=1).state == "success"
    _, failed, _, complete = events()
    assert (failed["eventType"], complete["eventType"]) == ("FAIL", "COMPLETE")
    first = failed["run"]["facets"]["aimlapi_run"]
    last = complete["run"]["facets"]["aimlapi_run"]
    assert (first["state"], last["state"]) == ("failed", "published")
    assert (first["run_key"], first["rows"]) == (last["run_key"], ROWS)
    assert 0 < first["rows_done"] == last["reused"] < ROWS
    assert "manifest" not in first
    assert first["try_cost_usd"] + last["try_cost_usd"] == pytest.approx(last["cost_usd"])
    assert "outputStatistics" not in failed["outputs"][0].get("outputFacets", {})
    assert failed["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == ROWS


def test_refused_tries_report_names_alone(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    assert run_task(**{**paths, "prompt": "{nothing_like_it}"}).state == "failed"
    start, failed = events()
    assert failed["inputs"] == start["inputs"]
    assert failed["outputs"] == start["outputs"]
    assert "aimlapi_run" not in failed["run"]["facets"]


def test_lineage_contains_no_connection_key_or_own_folder(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    api.follow(Script(faults=(Fault(kind="403", times=2),)))
    run_task(**paths, max_concurrency=1)
    run_task(**paths)
    told = events()
    assert len(told) == 4
    assert KEY_PART not in json.dumps(told)
    data_sets = json.dumps([[event["inputs"], event["outputs"]] for event in told])
    assert "_aimlapi" not in data_sets
    assert "aws_lake" not in data_sets


def test_client_configuration_joins_days_into_one_data_set(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENLINEAGE__DATASET__REDUCING_ENABLED", "true")
    day = {"input_path": f"{paths['input_path']}ds=2026-01-01/", "prompt": "{text}"}
    assert run_task(**{**paths, **day}).state == "success"
    source = events()[-1]["inputs"][0]
    assert source["name"] == "texts"
    assert source["inputFacets"]["subset"]["inputCondition"]["locations"] == ["texts/ds=2026-01-01"]
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == ROWS


def test_run_facet_follows_its_schema(
    events: Callable[[], list[dict[str, Any]]],
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
) -> None:
    api.follow(Script(faults=(Fault(kind="403", after=7, times=2),)))
    run_task(**paths, max_concurrency=1)
    run_task(**paths)
    told = [event["run"]["facets"].get("aimlapi_run") for event in events()]
    facets = [facet for facet in told if facet is not None]
    assert len(facets) == 2
    shipped = files("airflow_provider_aimlapi.operators") / "aimlapi_run_facet.json"
    schema = json.loads(shipped.read_text(encoding="utf-8"))
    for facet in facets:
        jsonschema.validate({"aimlapi_run": facet}, schema)
        assert facet["_schemaURL"].endswith("/operators/aimlapi_run_facet.json")


def test_the_schema_lists_the_facets_fields() -> None:
    from airflow_provider_aimlapi.operators.telemetry.openlineage_facets import AimlapiRunFacet

    shipped = files("airflow_provider_aimlapi.operators") / "aimlapi_run_facet.json"
    schema = json.loads(shipped.read_text(encoding="utf-8"))
    listed = set(schema["$defs"]["AimlapiRunFacet"]["properties"])
    assert listed == {field.name for field in attrs.fields(AimlapiRunFacet)}
