"""Airflow parses DAG files all day: what that loads of ours is little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Airflow's own imports come first: only what our modules add to them is ours to answer for.
PROBE = """
import json, pathlib, runpy, sys
import airflow.sdk, airflow.sdk.bases.hook
from airflow.sdk import BaseHook, BaseOperator, ObjectStoragePath

before = set(sys.modules)
import airflow_provider_aimlapi.hooks.aimlapi
import airflow_provider_aimlapi.operators.claude
operator = set(sys.modules) - before
dags = sorted(pathlib.Path("dags_examples").glob("*.py"))
for dag in dags:
    runpy.run_path(str(dag))
print(json.dumps({
    "operator": sorted(operator),
    "dags": sorted(set(sys.modules) - before),
    "count": len(dags),
}))
"""
HEAVY = {"pyarrow", "pandas", "numpy", "httpx", "httptools", "aiohttp", "s3fs", "tenacity"} | {
    "openlineage",
    "opentelemetry",
    "airflow.providers.openlineage",
}
INNER = {f"airflow_provider_aimlapi.{ring}" for ring in ("engine", "api", "storage")}


@pytest.fixture(scope="module")
def loaded(pytestconfig: pytest.Config) -> dict[str, list[str]]:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=pytestconfig.rootpath,
        check=False,
        capture_output=True,
        text=True,
    )
    assert probe.returncode == 0, probe.stderr
    modules: dict[str, list[str]] = json.loads(probe.stdout.splitlines()[-1])
    return modules


@pytest.mark.parametrize("who", ["operator", "dags"])
@pytest.mark.parametrize("banned", sorted(HEAVY | INNER))
def test_it_loads_nothing_heavy(loaded: dict[str, list[str]], who: str, banned: str) -> None:
    found = [
        module for module in loaded[who] if module == banned or module.startswith(f"{banned}.")
    ]
    assert found == []


def test_the_probe_saw_the_operator_and_the_examples(loaded: dict[str, list[str]]) -> None:
    assert "airflow_provider_aimlapi.operators.claude" in loaded["operator"]
    assert loaded["count"]
