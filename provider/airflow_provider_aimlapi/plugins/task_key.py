"""Which task instance a page is about, and its row in a table of Airflow's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, and_, cast, func


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKey:
    """A task instance; map_index is -1 for one that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    def matches(self, table: Any) -> Any:
        """Return the condition that selects this task instance in a table that has its four columns."""
        return and_(
            table.dag_id == self.dag_id,
            table.run_id == self.run_id,
            table.task_id == self.task_id,
            table.map_index == self.map_index,
        )


def text_of(column: Any, characters_max: int) -> Any:
    """Return a column as text, cut one character after its limit.

    Tasks and users fill these columns. Cut in the database, a huge value never reaches this process;
    as text, JSON is not decoded without limits on the way. The one character more shows that there
    is more.
    """
    return func.substr(cast(column, Text), 1, characters_max + 1)
