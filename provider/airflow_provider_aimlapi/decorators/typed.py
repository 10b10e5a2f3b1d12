"""Airflow's `task` for type checkers and editors that know the arguments of `claude_completion`.

    from airflow_provider_aimlapi.decorators.typed import task

It is the same object as `airflow.sdk.task`. Airflow's own stub types the arguments of a provider's
decorator as `Any`, and a provider cannot change that stub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from airflow.sdk import task as _task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from typing import ParamSpec, Protocol, TypeVar, Unpack

    from airflow.sdk.bases.decorator import Task
    from airflow.sdk.definitions.decorators import TaskDecoratorCollection

    from airflow_provider_aimlapi.operators.argument_sets.typed_arguments import DecoratedArguments

    P = ParamSpec("P")
    Input = str | PathLike[str] | Sequence[Mapping[str, object]]
    R = TypeVar("R", bound=Input)

    class CompletionDecorator(Protocol):
        """Makes a task from a function that returns the input's path, or records."""

        def __call__(self, python_callable: Callable[P, R]) -> Task[P, R]:
            """Return the task."""

    class ClaudeTasks(TaskDecoratorCollection):
        """Airflow's task decorators, and `claude_completion` with its arguments."""

        def claude_completion(self, **arguments: Unpack[DecoratedArguments]) -> CompletionDecorator:
            """Return the decorator; see `ClaudeCompletionDecoratedOperator`."""


task = cast("ClaudeTasks", _task)
