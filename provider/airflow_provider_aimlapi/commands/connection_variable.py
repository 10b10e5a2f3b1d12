"""Reads an Airflow connection from an environment variable, as JSON or as a URI, without Airflow.

No error quotes the variable, because it holds a key or a password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from airflow_provider_aimlapi.errors import ConnectionIncomplete
from airflow_provider_aimlapi.storage.access.connection_options import StorageConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

_USUAL_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
"""Another text may be a key that was typed instead of a name, so no error quotes it."""


class VariableConnection(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an Airflow connection that the command line uses."""

    conn_type: str | None = None
    login: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    extra: dict[str, object] | str | None = None


def read_variable(variables: Mapping[str, str], variable: str, *, what: str) -> str:
    """Return the value of a variable.

    Raises:
        ConnectionIncomplete: it is not set.
    """
    value = variables.get(variable)
    if not value:
        named = f"{variable} " if _USUAL_NAME.match(variable) else ""
        raise ConnectionIncomplete(
            f"The environment variable {named}is not set. Set it to {what}, or name another "
            "variable with --key-env or --conn-env. The key itself is never an argument."
        )
    return value


def read_storage_connection(variables: Mapping[str, str], variable: str) -> StorageConnection:
    """Return the Airflow connection to a store in a variable.

    Raises:
        ConnectionIncomplete: the variable is not set, or holds no connection.
    """
    text = read_variable(variables, variable, what="an Airflow connection, as JSON or as a URI")
    connection = parse_connection(text.strip())
    if connection is None or not connection.conn_type:
        raise ConnectionIncomplete(
            f"The environment variable {variable} holds no Airflow connection. Set it to JSON such as "
            '{"conn_type": "aws", "login": "<key id>", "password": "<secret>"}.'
        )
    return StorageConnection(
        name=variable,
        conn_type=connection.conn_type,
        login=connection.login,
        password=connection.password,
        host=connection.host,
        extra=fields_of(connection.extra),
    )


def parse_connection(text: str) -> VariableConnection | None:
    """Return the connection in a text; None if there is none."""
    # No error is raised from here, because it could quote the text, which contains the key.
    try:
        if text.startswith("{"):
            return msgspec.json.decode(text, type=VariableConnection, strict=False)
        parts = urlsplit(text)
        if not parts.scheme:
            return None
        return VariableConnection(
            conn_type=parts.scheme.replace("-", "_"),
            login=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            host=unquote(parts.netloc.rpartition("@")[2].partition(":")[0]),
            port=parts.port,
            schema=unquote(parts.path.strip("/")),
            extra=_extra_of_query(parts.query),
        )
    except (ValueError, msgspec.MsgspecError):
        return None


def _extra_of_query(query: str) -> dict[str, object] | str:
    """Return the extra of a URI as Airflow reads it: single fields, or all as JSON under one name."""
    fields: dict[str, object] = dict(parse_qsl(query, keep_blank_values=True))
    whole = fields.get("__extra__")
    return whole if isinstance(whole, str) else fields


def fields_of(extra: dict[str, object] | str | None) -> dict[str, object]:
    """Return the fields of an extra. As in Airflow, one that is no JSON object has none."""
    if not isinstance(extra, str):
        return extra or {}
    try:
        return msgspec.json.decode(extra, type=dict[str, object])
    except msgspec.MsgspecError:
        return {}
