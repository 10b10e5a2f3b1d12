"""One run on many workers as a task group: a plan, a mapped task for each share, a publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskGroup

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.plan import ClaudeCompletionPlanOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from airflow_provider_aimlapi.operators.argument_sets.typed_arguments import GroupArguments


def claude_completion_group(
    *,
    group_id: str,
    workers: int | str,
    outlets: Sequence[Any] | None = None,
    **arguments: Unpack[GroupArguments],
) -> TaskGroup:
    """Return a task group that does the work of one `ClaudeCompletionOperator` on several workers.

    The promises are those of one task: each row appears once and is paid once, there is one manifest
    and one bill, and `max_cost_usd` covers all workers together. Each worker has up to
    `max_concurrency` calls in flight, and keeps `requests_per_minute` and `tokens_per_minute` by
    itself.

    Args:
        group_id: the group's id. Its tasks are `plan`, `complete` (mapped) and `publish`.
        workers: the most shares; see `ClaudeCompletionPlanOperator`.
        outlets: the outlets of the task that publishes.
        **arguments: those of `ClaudeCompletionOperator` except `task_id` and `share`, for all three
            tasks, such as `pool`, `queue` and `retries`. A `trigger_rule` replaces "all_done" in the
            task that publishes.

    Returns:
        The group, for `extract >> group >> load`. Its task `<group_id>.publish` returns the summary
        of the whole run.
    """
    with TaskGroup(group_id=group_id) as group:
        plan = ClaudeCompletionPlanOperator(task_id="plan", workers=workers, **arguments)
        complete = ClaudeCompletionOperator.partial(
            task_id="complete", map_index_template="share {{ task.share }}", **arguments
        ).expand(share=plan.output)
        # A share that has spent its part of max_cost_usd fails. "all_done" lets this task start all the
        # same, and it processes the rows that such a share has left.
        last: dict[str, Any] = {"trigger_rule": "all_done", **arguments}
        complete >> ClaudeCompletionOperator(task_id="publish", outlets=outlets, **last)
    return group
