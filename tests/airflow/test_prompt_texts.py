"""The prompt that is sent is the one that was written: files, native rendering, mapped tasks."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.airflow

SUMMARY = "Summarise for 2026-01-01, as in notes.txt:\n\n{text}"


def sha256_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def paths(lake: Any) -> dict[str, str]:
    lake.put("in/texts.parquet", {"text": ["one", "two"], "": ["empty", "empty"], "4": ["4", "4"]})
    return {"input_path": lake.url("in/"), "output_path": lake.url("out/")}


@pytest.mark.parametrize(
    "name", ["summary.prompt", " summary.prompt", "Two words.TXT", "summary.md.j2"]
)
def test_prompt_may_be_a_file_beside_the_dag(
    api: Any, paths: dict[str, str], run_task: Callable[..., Any], name: str
) -> None:
    run = run_task(**paths, prompt=name, system=name, limit_rows=1)
    assert run.state == "success", run.output
    assert run.rendered["prompt"] == SUMMARY
    assert run.rendered["system"] == SUMMARY


@pytest.mark.parametrize("name", ["sumary.prompt", "No such file.txt", "summary.J2"])
def test_missing_prompt_file_is_not_sent(
    api: Any, paths: dict[str, str], run_task: Callable[..., Any], name: str
) -> None:
    run = run_task(**paths, prompt=name)
    assert (run.state, run.tries) == ("failed", 1)
    assert f"prompt={name!r} names a file" in run.output
    assert api.completions == []


def test_sentence_that_ends_like_file_name_is_a_prompt(
    api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run = run_task(**paths, prompt="Turn {text} into README.md", limit_rows=1)
    assert run.state == "success", run.output
    assert "Failed to resolve template field" not in run.output


@pytest.mark.parametrize(
    ("prompt", "rendered"),
    [
        ('{"day": "{{ ds }}", "text": "{text}"}', '{"day": "2026-01-01", "text": "{text}"}'),
        ('"{text}"', '"{text}"'),
        ("'{text}', '{text}'", "'{text}', '{text}'"),
        ("[{text}]", "[{text}]"),
        ("{{ 1 + 1 }}", "2"),
        ("{{ none }}", "None"),
    ],
)
def test_native_rendering_leaves_the_prompt_a_text(
    api: Any,
    paths: dict[str, str],
    run_task: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    prompt: str,
    rendered: str,
) -> None:
    native = json.dumps({"render_template_as_native_obj": True})
    monkeypatch.setenv("AIMLAPI_TEST_DAG_ARGUMENTS", native)
    run = run_task(
        **paths, prompt=prompt, system=prompt, limit_rows="{{ 1 }}", max_tokens="{{ 9 }}"
    )
    assert run.state == "success", run.output
    assert run.rendered["prompt"] == rendered
    assert api.completions[-1].prompt_sha256 == sha256_of(rendered.replace("{text}", "one"))


def test_digits_in_braces_are_no_columns(
    api: Any, paths: dict[str, str], run_task: Callable[..., Any]
) -> None:
    run = run_task(**paths, prompt=r"{text} \d{4} {} {4}", limit_rows=1)
    assert run.state == "success", run.output
    assert api.completions[-1].prompt_sha256 == sha256_of(r"one \d{4} {} {4}")
