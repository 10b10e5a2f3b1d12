"""Two users with different rights to DAGs, which Airflow's simple auth manager does not have alone."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class OwnDags(SimpleAuthManager):
    """Airflow's own, but a user may see only the DAGs that begin with the user's name."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **question: Any) -> bool:
        """As Airflow's own decides, and more strictly."""
        dag_id = details.id if details is not None else None
        if dag_id is not None and not dag_id.startswith(f"{user.username}_"):
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **question))
