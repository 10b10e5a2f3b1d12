"""Wrong models and parameters are errors as soon as the DAG is parsed."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator

NEWER = "anthropic/claude-sonnet-5"
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def operator(kind: Any = ClaudeCompletionOperator, **arguments: Any) -> Any:
    usual = {"task_id": "ask", "input_path": "/in", "output_path": "/out", "prompt": "{text}"}
    return kind(**(usual | arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"model": "no such model"}, "is not a model id"),
        ({"max_tokens": "abc"}, "max_tokens='abc': give a whole number"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"max_tokens": 64_001}, "at most 64,000 tokens"),
        ({"temperature": 2}, "temperature=2"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "below max_tokens=1024"),
        ({"thinking": {"effort": "low"}}, "anthropic/claude-sonnet-4.6"),
        ({"stop_sequences": "END"}, "give a list of texts"),
        ({"model": NEWER, "temperature": 0.5}, "does not take temperature"),
        ({"examples": "none"}, "give a list of pairs"),
        ({"examples": [({"text": "a"}, "")]}, r"examples\[0\]: the answer must be a text"),
        ({"examples": [({"text": "a"}, {"n": 1})]}, "For an object, set output_schema"),
        (
            {"examples": [({"text": "a"}, {"n": "1"})], "output_schema": NUMBER},
            r"examples\[0\]: the answer does not follow output_schema. \$.n: ",
        ),
        ({"examples": [({}, "b")]}, r"examples\[0\] has no value for 'text'"),
        (
            {"examples": [({"txt": "a", "text": "a"}, "b")]},
            r"value for 'txt'.* Did you mean 'text'",
        ),
        ({"model": NEWER, "top_k": "5", "max_tokens": "{{ 5 }}"}, "does not take top_k"),
    ],
)
def test_a_dag_with_a_wrong_argument_is_not_read(arguments: dict[str, Any], sentence: str) -> None:
    for kind in (ClaudeCompletionOperator, ClaudeCompletionEstimateOperator):
        with pytest.raises(InvalidSpec, match=sentence):
            operator(kind, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "{{ params.model }}", "temperature": 2},
        {"model": NEWER, "temperature": "{{ params.t }}"},
        {"model": NEWER, "temperature": "{% if a %}{{ t }}{% endif %}"},
        {"model": NEWER, "temperature": ""},
        {"thinking": {"type": "{{ params.kind }}"}},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": "{{ params.n }}"},
        {"stop_sequences": ("END",)},
        {"examples": "{{ params.examples }}"},
        {"examples": [({"body": "a"}, "b")], "prompt": "triage.md"},
        {"examples": [({"body": "a"}, "b")], "prompt": "{% if a %}{body}{% endif %}"},
        {"model": "anthropic/claude-next"},
    ],
)
def test_what_a_task_renders_is_left_to_the_task(arguments: dict[str, Any]) -> None:
    assert operator(**arguments).task_id == "ask"


def test_a_task_s_result_is_left_to_the_task() -> None:
    from airflow.sdk import DAG

    with DAG("mapped", schedule=None):
        first = operator()
        second = operator(task_id="then", model=NEWER, temperature=first.output)
    assert second.upstream_task_ids == {"ask"}


def test_a_mapped_task_fails_in_the_task_alone() -> None:
    from airflow.sdk import DAG

    with DAG("mapped", schedule=None):
        mapped = ClaudeCompletionOperator.partial(
            task_id="ask", input_path="/in", prompt="{text}", model=NEWER, top_k=5
        ).expand(output_path=["/out"])
    task: Any = mapped.unmap({"output_path": "/out"})
    assert task.top_k == 5
