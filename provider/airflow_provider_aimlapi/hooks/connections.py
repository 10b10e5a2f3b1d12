"""Reads the fields of Airflow connections. Never opens a connection, never logs one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_aimlapi.errors import ConnectionIncomplete
from airflow_provider_aimlapi.provider_info import CONNECTION_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

_PLAIN_NAME = re.compile(r"[a-z_]{1,40}")
"""The form of a field's name. A key that was typed instead of a name does not have it."""


def existing_connection(conn_id: str, *, argument: str) -> Connection:
    """Return the connection with an id.

    Raises:
        ConnectionIncomplete: it does not exist or does not parse. The text names the argument.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConnectionIncomplete(
            f"Connection '{conn_id}' ({argument}) does not exist or cannot be parsed. Add it in "
            f"Airflow under Admin, Connections, or as the environment variable "
            f"AIRFLOW_CONN_{conn_id.upper()}. If that variable is set, check its JSON or URI."
        ) from None


def unknown_extras(extra: object) -> list[str]:
    """Return the fields of an extra that have no effect: plain names, then the number of others."""
    unknown = [str(name) for name in fields_of(extra) if name not in CONNECTION_FIELDS]
    # Only plain names are shown. Whatever else stands there may be a secret in the wrong field.
    plain = sorted(name for name in unknown if _PLAIN_NAME.fullmatch(name))
    others = len(unknown) - len(plain)
    return [*map(repr, plain), *([f"{others} other field(s)"] if others else [])]


def limit_of(extra: object, name: str, *, connection: str) -> int | None:
    """Return a connection's limit for each task; None for no limit.

    Raises:
        ConnectionIncomplete: the limit is no whole number above 0.
    """
    # Airflow's form stores a number, and a connection in a variable may hold it as text.
    typed = fields_of(extra).get(name)
    if typed is None or typed == "":
        return None
    text = str(typed)
    if not text.isdecimal() or int(text) < 1:
        raise ConnectionIncomplete(
            f"Connection '{connection}': {name} in its extra is no whole number of at least 1. "
            f"Correct it or leave it out."
        )
    return int(text)


def fields_of(extra: object) -> Mapping[str, object]:
    """Return a connection's extra as a mapping; empty if it is something else."""
    return extra if isinstance(extra, dict) else {}
