"""Reads the API key from an environment variable. An argument would appear in every process list.

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
"""Another text may be a key that was typed instead of a name, so no error quotes it."""


class _Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an Airflow connection that the command line uses."""

    conn_type: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    extra: dict[str, object] | str | None = None


def endpoint_from_key(
    variables: Mapping[str, str], variable: str, *, base_url: str | None
) -> Endpoint:
    """Return the endpoint of a base URL with the key in a variable.

    Args:
        base_url: None for the public API.

    Raises:
        ConnectionIncomplete: the variable is not set, or key or URL cannot be used.
    """
    key = _read_variable(variables, variable, what="the API key")
    endpoint = parse_endpoint(host=base_url, key=key, connection=variable)
    return settle_route(endpoint, variables)


def endpoint_from_connection(variables: Mapping[str, str], variable: str) -> Endpoint:
    """Return the endpoint of the Airflow connection in a variable, as JSON or as a URI.

    Raises:
        ConnectionIncomplete: the variable is not set, or holds no connection that can be used.
    """
    text = _read_variable(variables, variable, what="an Airflow connection, as JSON or as a URI")
    connection = _parse_connection(text.strip())
    if connection is None:
        raise ConnectionIncomplete(
            f"The environment variable {variable} holds no Airflow connection. Set it to JSON such as "
            '{"conn_type": "aimlapi", "password": "<key>"}, or a URI such as aimlapi://:<key>@.'
        )
    check_type(connection.conn_type, host=connection.host, connection=variable)
    host = typed_base_url(
        host=connection.host, port=connection.port, schema=connection.schema, connection=variable
    )
    endpoint = parse_endpoint(
        host=host, key=connection.password, connection=variable, extra=_fields_of(connection.extra)
    )
    return settle_route(endpoint, variables)


def _read_variable(variables: Mapping[str, str], variable: str, *, what: str) -> str:
    value = variables.get(variable)
    if not value:
        named = f"{variable} " if _USUAL_NAME.match(variable) else ""
        raise ConnectionIncomplete(
            f"The environment variable {named}is not set. Set it to {what}, or name another "
            "variable with --key-env or --conn-env. The key itself is never an argument."
        )
    return value


def _parse_connection(text: str) -> _Connection | None:
    """Return the connection in a text; None if there is none."""
    # No error is raised from here, because it could quote the text, which contains the key.
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
    """Return the extra of a URI as Airflow reads it: single fields, or all as JSON under one name."""
    fields: dict[str, object] = dict(parse_qsl(query, keep_blank_values=True))
    whole = fields.get("__extra__")
    return whole if isinstance(whole, str) else fields


def _fields_of(extra: dict[str, object] | str | None) -> dict[str, object]:
    """Return the fields of an extra. As in Airflow, one that is no JSON object has none."""
    if not isinstance(extra, str):
        return extra or {}
    try:
        return msgspec.json.decode(extra, type=dict[str, object])
    except msgspec.MsgspecError:
        return {}
