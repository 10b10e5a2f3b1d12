"""The types of Airflow connections that may hold the API key."""

from __future__ import annotations

from airflow_provider_aimlapi.core.calls.endpoint import DEFAULT_BASE_URL
from airflow_provider_aimlapi.errors import ConnectionIncomplete

CONN_TYPE = "aimlapi"
TYPES_ACCEPTED = frozenset({CONN_TYPE, "", "generic", "http", "https"})
"""Its own type, no type, and the types of a connection that is written as a plain URL."""


def check_type(conn_type: str | None, *, host: str | None, connection: str) -> None:
    """Refuse a connection of another kind, so that its password is not sent as the API key.

    A generic connection may hold any service's password. So it must name the host that gets it.

    Raises:
        ConnectionIncomplete: the type is wrong, or the host is missing. The text names the fix.
    """
    kind = (conn_type or "").strip().lower()
    if kind not in TYPES_ACCEPTED:
        raise ConnectionIncomplete(
            f"Name a connection of type '{CONN_TYPE}' instead (aimlapi_conn_id, --conn-env). Connection "
            f"'{connection}' is of type '{conn_type}': its password is not sent to the API as a key."
        )
    if kind != CONN_TYPE and not (host or "").strip():
        named = f"is of type '{kind}'" if kind else "has no type"
        raise ConnectionIncomplete(
            f"Give connection '{connection}' the type '{CONN_TYPE}', or the host {DEFAULT_BASE_URL}. It "
            f"{named} and names no host, so its password may be another service's."
        )
