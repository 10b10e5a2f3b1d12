"""`@task.claude_completion`: a function says what the input is, the operator does the rest."""

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
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error, without_frames
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, TaskDecorator

SUMMARY_KEY = "summary"
"""Under which the operator's summary is in XCom."""


class ClaudeCompletionDecoratedOperator(DecoratedOperator, ClaudeCompletionOperator):
    """What `@task.claude_completion` makes of a function.

    The function runs in the task, and returns what the operator's `input_path` would be, or small
    records: a list of at most 1,000 mappings of column names to values, of 1 MB together. They
    are kept as a Parquet file under the output path, named by its content, so that a retry whose
    function returns the same records takes up where the last one stopped.

    All other arguments are the operator's. What the function returned is not rendered by Jinja.

    Returns:
        `output_path`, as it was given and rendered. The operator's summary is in XCom under the
        key `summary`.
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
    """Airflow 3.0 reads it from each decorated operator, and calls it for several outputs alone."""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        multiple_outputs: bool = False,  # noqa: ARG002  what Airflow infers; a path is one value
        **kwargs: Any,
    ) -> None:
        if kwargs.get("input_path", SET_DURING_EXECUTION) is not SET_DURING_EXECUTION:
            raise TypeError(
                "@task.claude_completion takes no input_path: the function returns it. For a path "
                "that is known beforehand use ClaudeCompletionOperator."
            )
        kwargs["input_path"] = SET_DURING_EXECUTION
        super().__init__(
            python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs
        )

    def execute(self, context: Context) -> str:  # type: ignore[override]
        """Call the function, run the job over what it returned, hand on the output's path."""
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        returned = self.python_callable(*self.op_args, **kwargs)
        try:
            self.input_path = self._path_of(returned)
        except AimlapiError as error:
            raise airflow_error(error) from without_frames(error)
        summary = super().execute(context)
        context["ti"].xcom_push(key=SUMMARY_KEY, value=summary)
        return str(self.output_path)

    def _path_of(self, returned: object) -> str:
        if isinstance(returned, str):
            return returned
        if isinstance(returned, (ObjectStoragePath, PathLike)):
            return str(returned)
        if isinstance(returned, (list, tuple)):
            return self._path_of_records(returned)
        raise InvalidSpec(
            f"The function of @task.claude_completion returned {type(returned).__name__}: return "
            f"the input's path, or a list of records."
        )

    def _path_of_records(self, records: Sequence[Mapping[str, object]]) -> str:
        from airflow_provider_aimlapi.storage.input.records import store_records
        from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore

        output = self._open_path("output_path")
        name = store_records(FsspecStore(output.fs, output.path), records)
        return f"{str(self.output_path).rstrip('/')}/{name}"


def claude_completion_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> TaskDecorator:
    """What `@task.claude_completion` calls; see `ClaudeCompletionDecoratedOperator`."""
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=ClaudeCompletionDecoratedOperator,
        **kwargs,
    )
