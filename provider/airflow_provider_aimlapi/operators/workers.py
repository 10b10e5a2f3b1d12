"""One run on many workers: plan, a mapped task for each share, and the task that publishes, as a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskGroup

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.plan import ClaudeCompletionPlanOperator

if TYPE_CHECKING:
    from collections.abc import Sequence


def claude_completion_group(
    *, group_id: str, workers: int | str, outlets: Sequence[Any] | None = None, **arguments: Any
) -> TaskGroup:
    """What one `ClaudeCompletionOperator` does, by as many workers as may work at once.

    The promises are those of the one task: every row once, paid once, one manifest, one bill, and
    `max_cost_usd` over all of them. Each worker has up to `max_concurrency` calls in flight, and keeps
    to `requests_per_minute` and `tokens_per_minute` by itself.

    Args:
        group_id: of the group; its tasks are `plan`, `complete` (mapped) and `publish`.
        workers: shares at the most; see `ClaudeCompletionPlanOperator`.
        outlets: of the task that publishes.
        **arguments: those of `ClaudeCompletionOperator` but `task_id` and `share`, for all three: with a
            `pool`, a `queue`, `retries` and the like among them. A `trigger_rule` takes the place of
            the last task's "all_done".

    Returns:
        The group, for `extract >> group >> load`. The summary of the whole run is what its task
        `<group_id>.publish` returns.
    """
    with TaskGroup(group_id=group_id) as group:
        plan = ClaudeCompletionPlanOperator(task_id="plan", workers=workers, **arguments)
        complete = ClaudeCompletionOperator.partial(
            task_id="complete", map_index_template="share {{ task.share }}", **arguments
        ).expand(share=plan.output)
        # A share that has spent its part of max_cost_usd fails; this task asks for the rows it left.
        last = {"trigger_rule": "all_done", **arguments}
        complete >> ClaudeCompletionOperator(task_id="publish", outlets=outlets, **last)
    return group
