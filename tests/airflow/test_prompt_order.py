"""A prompt whose long constant text follows its columns gets a warning when Airflow parses the DAG."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from pathlib import Path

RULES = "Choose one topic. " * 300


def parse(folder: Path, **arguments: Any) -> list[str]:
    """Return the warnings of a DAG with this operator."""
    with DAG("a_dag", template_searchpath=str(folder)) as dag:
        ClaudeCompletionOperator(task_id="sort", input_path="/in", output_path="/out", **arguments)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        dag.resolve_template_files()  # type: ignore[no-untyped-call]
    return [str(one.message) for one in found]


def test_the_warning_names_task_and_saving(tmp_path: Path) -> None:
    (text,) = parse(tmp_path, prompt="{body}\n" + RULES)
    assert text.startswith("sort: prompt: about 1,350 tokens")
    assert "1,215 tokens less" in text


def test_the_text_of_a_prompt_file_counts(tmp_path: Path) -> None:
    (tmp_path / "sort.md").write_text("{body}\n" + RULES)
    assert len(parse(tmp_path, prompt="sort.md")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"prompt": RULES + "{body}"},
        {"prompt": "{body}\n" + RULES, "cache_prompt": "never"},
        {"prompt": "{body} {{ ds }}\n" + RULES},
        {"prompt": "{body}\n" + RULES, "system": "It is {{ ds }}."},
    ],
    ids=["in order", "never", "template", "template in system"],
)
def test_other_prompts_get_no_warning(tmp_path: Path, arguments: dict[str, Any]) -> None:
    assert parse(tmp_path, **arguments) == []
