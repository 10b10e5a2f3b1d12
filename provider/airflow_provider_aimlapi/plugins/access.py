"""Decides who may see the runs of a DAG: users who may read the DAG and its tasks' XComs.

Airflow 3.0 checks only a DAG id in the path of an address. Our addresses have it in the query, so the
check is made here.
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
    """Refuse a request for a DAG with 401 without a login, and with 403 without the right."""
    if not may_read(dag_id, user):
        raise HTTPException(403, "Forbidden")


def dags_open_to(user: Any) -> set[str]:
    """Return the DAGs that the user may read. `readable_dag_ids` checks their XComs as well."""
    return get_auth_manager().get_authorized_dag_ids(user=user, method="GET")


def readable_dag_ids(dag_ids: Iterable[str], user: Any) -> set[str]:
    """Return those of a few DAGs whose runs the user may see."""
    return {dag_id for dag_id in set(dag_ids) if may_read(dag_id, user)}


def may_read(dag_id: str, user: Any) -> bool:
    """Return whether the user may see the runs of a DAG."""
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.XCOM, details=_details_of(dag_id), user=user
    )


def team_of(dag_id: str) -> str | None:
    """Return the team of a DAG; None if it has none, or if Airflow has no teams."""
    find = getattr(DagModel, "get_team_name", None)
    return None if find is None else find(dag_id)


def _details_of(dag_id: str) -> DagDetails:
    """Return a DAG's details, with its team if Airflow has teams."""
    if "team_name" not in DagDetails.__dataclass_fields__:
        return DagDetails(id=dag_id)
    return DagDetails(id=dag_id, team_name=team_of(dag_id))
