"""The plan as a task: it divides a run into shares for several workers, and makes no call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.argument_sets.written_arguments import check_written
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import ProgressSinkOpener
from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Unpack

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context

    from airflow_provider_aimlapi.operators.argument_sets.typed_arguments import OperatorArguments


class ClaudeCompletionPlanOperator(ClaudeCompletionOperator):
    """Divides the run of a `ClaudeCompletionOperator` with the same arguments into shares.

    A share is a range of the input's rows that a task of its own processes. Map
    `ClaudeCompletionOperator` over the result with `.partial(…).expand(share=plan.output)`. Then add
    one task without `share`, which publishes. `claude_completion_group` does all that.

    It refuses what the run would refuse before its first call. The first task that plans a run
    divides it for good: a later task finds the same shares, whatever its `workers` is.

    Args:
        workers: the most shares, 1 to 64, with about the same number of rows each. A share consists
            of whole parts, so a small input has fewer shares.
        **kwargs: all arguments of `ClaudeCompletionOperator` except `share`.

    Returns:
        The numbers of the shares, from 0. A run that is already published has one, because nothing
        is left to divide.
    """

    template_fields: Collection[str] = (*ClaudeCompletionOperator.template_fields, "workers")
    ui_color = "#e3ecf4"
    operator_extra_links: Collection[BaseOperatorLink] = ()  # a plan has no run page
    writes_output = False

    def __init__(self, *, workers: int | str, **kwargs: Unpack[OperatorArguments]) -> None:
        if kwargs.get("share") is not None:
            raise TypeError(
                "ClaudeCompletionPlanOperator takes no share: it returns the shares. Leave share out."
            )
        super().__init__(**kwargs)
        self.workers = workers
        check_written(self, "workers")

    def execute(  # type: ignore[override]  # the shares' numbers
        self,
        context: Context,
    ) -> list[int]:
        """Store the plan, and return the numbers of its shares."""
        from airflow_provider_aimlapi.engine.blocking import plan_job

        early = ProgressSinkOpener(context).reports_failure(self.model)
        with early, self._guard_engine() as stop:
            workers = arguments.read_whole_number("workers", self.workers)
            shares = plan_job(self._build_job(), self._build_settings(), workers, stop=stop)
        self.log.info("The run has %s share(s).", printable_text(str(shares)))
        return list(range(shares))
