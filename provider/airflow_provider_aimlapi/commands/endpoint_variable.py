"""The API key from an environment variable: never an argument, which every process list shows.

Proxy and certificates come from a connection's extra, or from the usual variables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.core.calls.connection_types import check_type
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint, typed_base_url
from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

_USUAL_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
"""Anything else may be a key that was typed in the place of a name, and is not repeated."""


class _Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What we need of an Airflow connection."""

    conn_type: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    extra: dict[str, object] | str | None = None


def endpoint_from_key(
    variables: Mapping[str, str], variable: str, *, base_url: str | None
) -> Endpoint:
    """The endpoint at a base URL, None for the public API, with the key that a variable holds.

    Raises:
        ConnectionIncomplete: the variable is not set, or key or URL cannot be used.
    """
    key = _value(variables, variable, what="the API key")
    endpoint = parse_endpoint(host=base_url, key=key, connection=variable)
    return settle_route(endpoint, variables)


def endpoint_from_connection(variables: Mapping[str, str], variable: str) -> Endpoint:
    """The endpoint of an Airflow connection that a variable holds, as JSON or as a URI.

    Raises:
        ConnectionIncomplete: the variable is not set, or holds no connection that can be used.
    """
    text = _value(variables, variable, what="an Airflow connection, as JSON or as a URI")
    connection = _read(text.strip())
    if connection is None:
        raise ConnectionIncomplete(
            f"The environment variable {variable} holds no Airflow connection: give JSON such as "
            '{"conn_type": "aimlapi", "password": "<key>"}, or a URI such as aimlapi://:<key>@.'
        )
    check_type(connection.conn_type, host=connection.host, connection=variable)
    host = typed_base_url(
        host=connection.host, port=connection.port, schema=connection.schema, connection=variable
    )
    endpoint = parse_endpoint(
        host=host, key=connection.password, connection=variable, extra=_fields(connection.extra)
    )
    return settle_route(endpoint, variables)


def _value(variables: Mapping[str, str], variable: str, *, what: str) -> str:
    value = variables.get(variable)
    if not value:
        named = f"{variable} " if _USUAL_NAME.match(variable) else ""
        raise ConnectionIncomplete(
            f"The environment variable {named}is not set. Put {what} into it, or name another "
            "variable with --key-env or --conn-env. The key itself is never an argument."
        )
    return value


def _read(text: str) -> _Connection | None:
    """What was read may not be quoted anywhere: the key is in it."""
    try:
        if text.startswith("{"):
            return msgspec.json.decode(text, type=_Connection, strict=False)
        parts = urlsplit(text)
        if not parts.scheme:
            return None
        return _Connection(
            conn_type=parts.scheme.replace("-", "_"),
            password=unquote(parts.password) if parts.password else None,
            host=unquote(parts.netloc.rpartition("@")[2].partition(":")[0]),
            port=parts.port,
            schema=unquote(parts.path.strip("/")),
            extra=_extra_of_query(parts.query),
        )
    except (ValueError, msgspec.MsgspecError):
        return None


def _extra_of_query(query: str) -> dict[str, object] | str:
    """As Airflow reads it: fields one by one, or all of them as JSON under one name."""
    fields: dict[str, object] = dict(parse_qsl(query, keep_blank_values=True))
    whole = fields.get("__extra__")
    return whole if isinstance(whole, str) else fields


def _fields(extra: dict[str, object] | str | None) -> dict[str, object]:
    """An extra that is no JSON object has no fields, as in Airflow."""
    if not isinstance(extra, str):
        return extra or {}
    try:
        return msgspec.json.decode(extra, type=dict[str, object])
    except msgspec.MsgspecError:
        return {}
