"""What type checkers know of passed-on arguments is what the operators take."""

from __future__ import annotations

import inspect
import re
from typing import Any

from airflow_provider_aimlapi.operators.argument_sets.typed_arguments import (
    CompletionArguments,
    DecoratedArguments,
    GroupArguments,
    OperatorArguments,
    TaskArguments,
)
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator


def written(kind: Any) -> dict[str, str]:
    """Return the type of each argument as the code has it."""
    return {name: hint.__forward_arg__ for name, hint in kind.__annotations__.items()}


def required(kind: Any) -> set[str]:
    return {name for name, text in written(kind).items() if text.startswith("Required[")}


def test_types_are_those_of_the_operators_signature() -> None:
    signature = {
        name: parameter.annotation
        for name, parameter in inspect.signature(
            ClaudeCompletionOperator.__init__
        ).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    ours = {
        name: re.sub(r"Required\[(.*)\]", r"\1", text)
        for name, text in written(OperatorArguments).items()
    }
    assert {name: ours.get(name) for name in signature} == signature
    others = OperatorArguments.__annotations__.keys() - TaskArguments.__annotations__.keys()
    assert others - {"task_id", "outlets"} == signature.keys()


def test_task_arguments_are_those_of_airflow() -> None:
    from airflow.sdk import BaseOperator

    known = {
        name
        for name, parameter in inspect.signature(BaseOperator.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY or name == "task_id"
    }
    assert known - {"task_id", "retry_policy", "outlets"} == TaskArguments.__annotations__.keys()


def test_required_arguments_are_those_without_a_default() -> None:
    assert required(CompletionArguments) == {"output_path", "prompt"}
    assert required(DecoratedArguments) == {"output_path", "prompt"}
    assert required(GroupArguments) == {"input_path", "output_path", "prompt"}
    assert required(OperatorArguments) == {"task_id", "input_path", "output_path", "prompt"}


def test_the_typed_task_is_airflows_own() -> None:
    from airflow.sdk import task

    from airflow_provider_aimlapi.decorators import typed

    assert typed.task is task
