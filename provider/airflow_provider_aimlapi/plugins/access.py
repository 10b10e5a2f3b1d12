"""Who may see which DAG's runs: whoever Airflow lets read the DAG and what its tasks leave in XCom.

Airflow 3.0's own check looks at a DAG id in an address's path alone; ours are in the query, so the
question is asked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002  FastAPI reads it
from airflow.models.dag import DagModel
from fastapi import HTTPException, Query

if TYPE_CHECKING:
    from collections.abc import Iterable

Name = Annotated[str, Query(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
"""PostgreSQL takes no text with a NUL in it."""


def reader_of_dag(dag_id: Name, user: GetUserDep) -> None:
    """A dependency of addresses with a `dag_id`: 401 without a login, 403 without the right."""
    if not may_read(dag_id, user):
        raise HTTPException(403, "Forbidden")


def dags_open_to(user: Any) -> set[str]:
    """The DAGs that the user may read; see `readable` for what their tasks leave behind."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


def readable(dag_ids: Iterable[str], user: Any) -> set[str]:
    """Those of a few DAGs whose runs the user may see."""
    return {dag_id for dag_id in set(dag_ids) if may_read(dag_id, user)}


def may_read(dag_id: str, user: Any) -> bool:
    """Whether the user may see the runs of a DAG."""
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.XCOM, details=_details(dag_id), user=user
    )


def team_of(dag_id: str) -> str | None:
    """Return the team that a DAG belongs to; None for none, or where Airflow has no teams."""
    find = getattr(DagModel, "get_team_name", None)
    return None if find is None else find(dag_id)


def _details(dag_id: str) -> DagDetails:
    """With the DAG's team, where Airflow knows of teams."""
    if "team_name" not in DagDetails.__dataclass_fields__:
        return DagDetails(id=dag_id)
    return DagDetails(id=dag_id, team_name=team_of(dag_id))
