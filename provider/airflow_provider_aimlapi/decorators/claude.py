"""`@task.claude_completion`: a function returns the input, and the operator does the rest."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    DecoratedOperator,
    ObjectStoragePath,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION

from airflow_provider_aimlapi.errors import AimlapiError, InvalidSpec
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error, causes_of
from airflow_provider_aimlapi.operators.argument_sets.path_arguments import open_path
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, TaskDecorator

SUMMARY_KEY = "summary"
"""The key of the operator's summary in XCom."""


class ClaudeCompletionDecoratedOperator(DecoratedOperator, ClaudeCompletionOperator):
    """The operator that `@task.claude_completion` makes from a function.

    The function runs in the task. It returns the operator's `input_path`, or small records: a list of
    at most 1,000 mappings of column names to values, 1 MB in total. The records are stored as a
    Parquet file below the output path. The file is named by its content, so a retry whose function
    returns the same records continues where the last try stopped.

    All other arguments are the operator's. Jinja does not render the function's result.

    Returns:
        `output_path`, as the DAG has it and Jinja rendered it. The operator's summary is in XCom
        under the key `summary`.
    """

    template_fields: Sequence[str] = (  # type: ignore[mutable-override]  # two bases disagree
        *DecoratedOperator.template_fields,
        *ClaudeCompletionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **ClaudeCompletionOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.claude_completion"
    overwrite_rtif_after_execution = True  # so that Airflow shows the input path
    xcom_push: ClassVar[None] = None
    """Airflow 3.0 reads it from each decorated operator. It calls it only if there are several outputs."""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        multiple_outputs: bool = False,  # noqa: ARG002  Airflow infers it, but a path is one value
        **kwargs: Any,
    ) -> None:
        # Airflow's own mark for a value that comes at execution is no argument of the user's.
        if kwargs.get("input_path", SET_DURING_EXECUTION) is not SET_DURING_EXECUTION:
            raise TypeError(
                "@task.claude_completion takes no input_path, because the function returns it. Use "
                "ClaudeCompletionOperator for a path that the DAG contains."
            )
        kwargs["input_path"] = SET_DURING_EXECUTION
        super().__init__(
            python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs
        )

    def execute(self, context: Context) -> str:  # type: ignore[override]
        """Call the function, run the job on its result, and return the output's path."""
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        returned = self.python_callable(*self.op_args, **kwargs)
        try:
            self.input_path = self._path_of(returned)
        except AimlapiError as error:
            raise airflow_error(error) from causes_of(error)
        summary = super().execute(context)
        context["ti"].xcom_push(key=SUMMARY_KEY, value=summary)
        return str(self.output_path)

    def _path_of(self, returned: object) -> str:
        # 1. A path, as text or as an object. 2. Records, which are stored as a file first.
        if isinstance(returned, str):
            return returned
        if isinstance(returned, (ObjectStoragePath, PathLike)):
            return str(returned)
        if isinstance(returned, (list, tuple)):
            return self._path_of_records(returned)
        raise InvalidSpec(
            f"The function of @task.claude_completion returned {type(returned).__name__}. Return "
            f"the input's path, or a list of records."
        )

    def _path_of_records(self, records: Sequence[Mapping[str, object]]) -> str:
        from airflow_provider_aimlapi.storage.input.records import store_records
        from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore

        output = open_path(self, "output_path")
        name = store_records(FsspecStore(output.fs, output.path), records)
        return f"{str(self.output_path).rstrip('/')}/{name}"


def claude_completion_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> TaskDecorator:
    """Return the task decorator; see `ClaudeCompletionDecoratedOperator`."""
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=ClaudeCompletionDecoratedOperator,
        **kwargs,
    )
