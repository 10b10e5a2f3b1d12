"""An Airflow in which some DAGs are not for everybody, as the simple auth manager cannot have it."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

PRIVATE = "private_"


class PrivateDags(SimpleAuthManager):
    """Airflow's own, but for DAGs with a certain name, which only an administrator may read."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **question: Any) -> bool:
        """As Airflow's own decides, and more strictly."""
        is_private = details is not None and (details.id or "").startswith(PRIVATE)
        if is_private and (user.role or "").upper() != "ADMIN":
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **question))
