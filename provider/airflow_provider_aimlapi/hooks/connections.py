"""What an Airflow connection's fields mean to us. Reads connections; never opens one, never logs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_aimlapi.errors import ConnectionIncomplete
from airflow_provider_aimlapi.provider_info import CONNECTION_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

CONN_TYPE = "aimlapi"
TYPES_ACCEPTED = frozenset({CONN_TYPE, "", "generic", "http", "https"})
"""Types that may hold our key: its own, none, and those of a connection written as a plain URL."""


def existing_connection(conn_id: str, *, argument: str) -> Connection:
    """The connection of that id.

    Raises:
        ConnectionIncomplete: there is none, or what is there does not parse; names the argument
            that asked for it.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConnectionIncomplete(
            f"Connection '{conn_id}' ({argument}) does not exist or cannot be parsed. Add it in "
            f"Airflow under Admin, Connections, or as the environment variable "
            f"AIRFLOW_CONN_{conn_id.upper()}; there, check that its JSON or URI is well formed."
        ) from None


def check_type(conn_type: str | None, *, connection: str) -> None:
    """Refuse a connection of another kind, so that its password is not sent as the API key.

    Raises:
        ConnectionIncomplete: naming the type, and the one to use.
    """
    if (conn_type or "").strip().lower() not in TYPES_ACCEPTED:
        raise ConnectionIncomplete(
            f"Connection '{connection}' is of type '{conn_type}', not '{CONN_TYPE}': its password "
            f"is not sent to the API as a key. Put the id of a connection of type '{CONN_TYPE}' "
            f"into aimlapi_conn_id."
        )


def unknown_extras(extra: object) -> list[str]:
    """The names in a connection's extra that nothing reads."""
    return sorted(str(name) for name in fields_of(extra) if name not in CONNECTION_FIELDS)


def given_limit(extra: object, name: str, *, connection: str) -> int | None:
    """A limit of that name that a connection sets each task; None for no limit.

    Raises:
        ConnectionIncomplete: when it is no whole number above 0.
    """
    typed = fields_of(extra).get(name)
    if typed is None or typed == "":
        return None
    text = str(typed)
    if not text.isdecimal() or int(text) < 1:
        raise ConnectionIncomplete(
            f"Connection '{connection}': {name} in its extra is {typed!r}; "
            f"give a whole number of at least 1, or leave it out."
        )
    return int(text)


def fields_of(extra: object) -> Mapping[str, object]:
    """A connection's extra by names; empty where it is something else."""
    return extra if isinstance(extra, dict) else {}
