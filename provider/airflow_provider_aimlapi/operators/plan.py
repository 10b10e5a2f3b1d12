"""A run's plan as a task: divides the run among workers, asks for nothing, pays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context


class ClaudeCompletionPlanOperator(ClaudeCompletionOperator):
    """Divides the run that a `ClaudeCompletionOperator` with the same arguments would be into shares.

    A share is a range of the input's rows, asked for by a task of its own: map
    `ClaudeCompletionOperator` over what this returns, `.partial(…).expand(share=plan.output)`, and let
    one without `share` follow, which publishes. `claude_completion_group` does all that.

    It refuses what the run would refuse before its first call. The first task that plans a run, this
    one or one that runs it, divides it for good: later ones find as many shares, whatever they ask for.

    Args:
        workers: shares at the most, 1 to 64; about the same rows in each. Shares are made of whole
            parts, and of few rows there are few, so there may be fewer shares.
        **kwargs: all arguments of `ClaudeCompletionOperator` but `share`.

    Returns:
        The shares' numbers, from 0. Of a run that is published already, one: nothing is left to divide.
    """

    template_fields: Collection[str] = (*ClaudeCompletionOperator.template_fields, "workers")
    ui_color = "#e3ecf4"
    operator_extra_links: Collection[BaseOperatorLink] = ()  # there is no run to report of
    writes_output = False

    def __init__(self, *, workers: int | str, **kwargs: Any) -> None:
        if kwargs.get("share") is not None:
            raise TypeError("share: the task that plans a run returns the shares, and takes none.")
        super().__init__(**kwargs)
        self.workers = workers

    def execute(  # type: ignore[override]  # the shares' numbers
        self,
        context: Context,  # noqa: ARG002  Airflow's signature
    ) -> list[int]:
        """Settle the plan."""
        from airflow_provider_aimlapi.engine.blocking import plan_job

        with self._stoppable() as stop:
            workers = arguments.whole_number("workers", self.workers)
            shares = plan_job(self._job(), self._settings(), workers, stop=stop)
        self.log.info("The run has %s share(s).", printable(str(shares)))
        return list(range(shares))
