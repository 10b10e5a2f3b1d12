"""Reads the API key from an environment variable. An argument would appear in every process list.

Proxy and certificates come from a connection's extra, or from the usual variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.http.environment import settle_route
from airflow_provider_aimlapi.commands.connection_variable import (
    fields_of,
    parse_connection,
    read_variable,
)
from airflow_provider_aimlapi.core.calls.connection_types import check_type
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint, typed_base_url
from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint


def endpoint_from_key(
    variables: Mapping[str, str], variable: str, *, base_url: str | None
) -> Endpoint:
    """Return the endpoint of a base URL with the key in a variable.

    Args:
        base_url: None for the public API.

    Raises:
        ConnectionIncomplete: the variable is not set, or key or URL cannot be used.
    """
    key = read_variable(variables, variable, what="the API key")
    endpoint = parse_endpoint(host=base_url, key=key, connection=variable)
    return settle_route(endpoint, variables)


def endpoint_from_connection(variables: Mapping[str, str], variable: str) -> Endpoint:
    """Return the endpoint of the Airflow connection in a variable, as JSON or as a URI.

    Raises:
        ConnectionIncomplete: the variable is not set, or holds no connection that can be used.
    """
    text = read_variable(variables, variable, what="an Airflow connection, as JSON or as a URI")
    connection = parse_connection(text.strip())
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
        host=host, key=connection.password, connection=variable, extra=fields_of(connection.extra)
    )
    return settle_route(endpoint, variables)
