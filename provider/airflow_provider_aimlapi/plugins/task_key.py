"""Identifies the task instance of a page, and its row in a table of Airflow's database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, and_, cast, func


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKey:
    """A task instance. `map_index` is -1 for a task that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    def matches_in(self, table: Any) -> Any:
        """Return the condition that selects this task instance in a table that has its four columns."""
        return and_(
            table.dag_id == self.dag_id,
            table.run_id == self.run_id,
            table.task_id == self.task_id,
            table.map_index == self.map_index,
        )


def text_of(column: Any, characters_max: int) -> Any:
    """Return a column as text, cut one character after its limit.

    Tasks and users fill these columns. The database cuts the value, so that a huge one never reaches
    this process. It comes as text, because SQLAlchemy would decode JSON without limits. The one
    character more shows that the value is too long.
    """
    return func.substr(cast(column, Text), 1, characters_max + 1)
