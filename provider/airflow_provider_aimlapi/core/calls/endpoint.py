"""The base URL of the API and its key. Checks what a user typed. Opens no connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_aimlapi.core.calls.route import PLAIN_ROUTE, Route, route_of_extra
from airflow_provider_aimlapi.core.texts.host_names import ascii_host
from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_BASE_URL = "https://api.aimlapi.com"
URL_CHARACTERS_MAX = 2_000
SCHEMES = frozenset({"http", "https"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An API base URL and the key that may be sent to it.

    Attributes:
        base_url: scheme, host, port and path prefix, without a slash at the end.
        key: the API key, which the repr leaves out so that no log can show it.
        route: the proxy and the certificates. They do not affect the run key.
    """

    base_url: str
    key: str = field(repr=False)
    route: Route = PLAIN_ROUTE

    @property
    def origin(self) -> str:
        """Scheme, host and port: the endpoint's part of the run key."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def url_of_path(self, path: str) -> str:
        """Return the absolute URL of an API path such as `/v1/chat/completions`."""
        return self.base_url + path


def parse_endpoint(
    *, host: str | None, key: str | None, connection: str, extra: Mapping[str, object] | None = None
) -> Endpoint:
    """Build an Endpoint from what a user typed into an Airflow connection.

    Args:
        host: a base URL, or a bare host name, which gets https; empty for the public API.
        key: the API key.
        connection: the connection's id, for the error text.
        extra: the connection's extra, of which `proxy` and `ca_file` are read.

    Raises:
        ConnectionIncomplete: a field is wrong. The text names it and the fix, never the key.
    """
    return Endpoint(
        base_url=_checked_base_url(host, connection),
        key=_checked_key(key, connection),
        route=route_of_extra(extra or {}, connection=connection),
    )


def typed_base_url(
    *, host: str | None, port: int | None, schema: str | None, connection: str
) -> str:
    """Return the base URL that a person typed; empty for the public API.

    The form has one field for it, the host. Airflow splits a connection that is written as a URI
    into host, port and schema. These are joined again if they can mean only one URL.

    Raises:
        ConnectionIncomplete: they contradict each other.
    """
    host, scheme = (host or "").strip(), (schema or "").strip().lower()
    advice = f"Put the whole base URL, such as {DEFAULT_BASE_URL}, into the host and nothing else."
    if scheme and scheme not in SCHEMES:
        raise ConnectionIncomplete(
            f"Connection '{connection}' has something other than http or https in its schema, "
            f"which Airflow takes from a URI's path. {advice}"
        )
    if not host:
        if port:
            raise ConnectionIncomplete(f"Connection '{connection}' has a port, no host. {advice}")
        return ""
    # Airflow splits a URI into host, port and schema, and the form has only a host. Both must give
    # the same URL, and a contradiction must not be resolved by a guess, because the key goes there.
    if "://" not in host:
        host = f"{scheme or 'https'}://{host}"
    elif scheme and not host.lower().startswith(f"{scheme}://"):
        raise ConnectionIncomplete(
            f"Connection '{connection}' has one scheme in its host, another in its schema. {advice}"
        )
    return host if port is None else _with_port(host, port, connection, advice)


def _with_port(url: str, port: int, connection: str, advice: str) -> str:
    try:
        parts = urlsplit(url)
        in_host = parts.port
    except ValueError:
        return url  # not a URL: the endpoint's own check reports it
    if in_host is None:
        return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()
    if in_host != port:
        raise ConnectionIncomplete(
            f"Connection '{connection}' has two ports, {in_host} in its host and {port}. {advice}"
        )
    return url


def _checked_key(key: str | None, connection: str) -> str:
    where = f"Connection '{connection}'"
    if key is None or not key.strip():
        raise ConnectionIncomplete(
            f"{where} has no API key. Put the key from https://aimlapi.com/app/keys into the "
            f"connection's API key (password) field."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConnectionIncomplete(
            f"{where}: the API key holds a space, a line break or another character that cannot "
            f"be in an HTTP header. Copy the key again, without the characters around it."
        )
    return key


def _checked_base_url(host: str | None, connection: str) -> str:
    typed = (host or "").strip()
    if not typed:
        return DEFAULT_BASE_URL
    where = f"Connection '{connection}'"
    url = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text would repeat what was typed, perhaps a password
        raise ConnectionIncomplete(
            f"{where}: the host is not a URL, or its port is not a number up to 65535. "
            f"Give a base URL such as {DEFAULT_BASE_URL}."
        ) from None
    if parts.username is not None or parts.password is not None:
        raise ConnectionIncomplete(
            f"{where}: the host must not hold a user name or password. "
            f"The API key belongs into the password field of the connection."
        )
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConnectionIncomplete(
            f"{where}: the host must not hold a query or a fragment. "
            f"Give only the base URL, such as {DEFAULT_BASE_URL}."
        )
    name = ascii_host(parts.hostname or "")
    if name is None or "//" in parts.path or not _is_plain(url):
        raise ConnectionIncomplete(
            f"{where}: the host is not a base URL. Give a name or an IP address, or a URL such as "
            f"{DEFAULT_BASE_URL}. Leave it empty for {DEFAULT_BASE_URL}."
        )
    _check_scheme(parts.scheme, name, where)
    netloc = f"[{name}]" if ":" in name else name
    if port is not None:
        netloc += f":{port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def _is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url and len(url) <= URL_CHARACTERS_MAX


def _check_scheme(scheme: str, hostname: str, where: str) -> None:
    if scheme == "https" or (scheme == "http" and hostname in LOOPBACK_HOSTS):
        return
    if scheme == "http":
        raise ConnectionIncomplete(
            f"{where}: http would send the API key in the clear to {hostname}. Use https; "
            f"http is allowed for localhost, 127.0.0.1 and ::1 only."
        )
    raise ConnectionIncomplete(f"{where}: the host's scheme is {scheme!r}; use https.")
