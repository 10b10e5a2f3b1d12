"""The README's DAG parses and has the described tasks, because users copy it first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.dag_processing.dagbag import DagBag

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_readmes_dag_can_be_copied(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    text = (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "copied.py").write_text(snippet, encoding="utf-8")
    bag = DagBag(tmp_path, bundle_name="copied")
    assert bag.import_errors == {}
    (task,) = bag.dags["summarise_tickets"].tasks
    assert isinstance(task, ClaudeCompletionOperator)
    assert task.prompt == "Summarise in two sentences:\n\n{body}"
    assert "{{ ds }}" in str(task.input_path)
    assert task.input_path != task.output_path
