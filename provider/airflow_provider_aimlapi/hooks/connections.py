"""What an Airflow connection's fields mean to us. Reads connections; never opens one, never logs one."""

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
"""What a field's name looks like. A key that was put in the place of a name does not."""


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


def unknown_extras(extra: object) -> list[str]:
    """Return the fields of a connection's extra that nothing reads: the plain names, then how many more."""
    unknown = [str(name) for name in fields_of(extra) if name not in CONNECTION_FIELDS]
    plain = sorted(name for name in unknown if _PLAIN_NAME.fullmatch(name))
    others = len(unknown) - len(plain)
    return [*map(repr, plain), *([f"{others} other field(s)"] if others else [])]


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
            f"Connection '{connection}': {name} in its extra is no whole number of at least 1. "
            f"Give one, or leave it out."
        )
    return int(text)


def fields_of(extra: object) -> Mapping[str, object]:
    """A connection's extra by names; empty where it is something else."""
    return extra if isinstance(extra, dict) else {}
