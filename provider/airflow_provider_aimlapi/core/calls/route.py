"""The way to an endpoint: its proxy and its trusted certificates. Opens no connection."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_PROXY_WANTED = "none"
"""The value of `proxy` in a connection's extra for a direct connection, whatever the environment sets."""
_HTTP_PORT = 80
_FORM = (
    "Give http://host:port, or http://user:password@host:port, with special characters in user and "
    "password as percent codes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The name of the setting that holds a proxy or certificates, for error texts.

    Attributes:
        name: such as `HTTPS_PROXY`.
        remedy: a sentence about what to change there if it does not work.
    """

    name: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that opens tunnels with CONNECT. Its repr shows no credentials.

    Attributes:
        host: the proxy's host name.
        port: the proxy's port.
        setting: the setting that names the proxy.
        authorization: the value of Proxy-Authorization; None without credentials.
        secrets: the credentials in each form that a log could show.
    """

    host: str
    port: int
    setting: Setting
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown_address(self) -> str:
        """Host and port, to be read by people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The certificate authorities that replace the public ones.

    Attributes:
        path: a PEM file, or folders with hashed names for OpenSSL.
        setting: the setting that names the path.
        may_be_folder: whether the setting may name folders.
    """

    path: str
    setting: Setting
    may_be_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way to an endpoint.

    Attributes:
        proxy: None for a direct connection.
        direct_because: why the connection is direct although a proxy is set; else empty.
        certificates: None for certifi's list.
    """

    proxy: Proxy | None = None
    direct_because: str = ""
    certificates: Certificates | None = None

    @property
    def secrets_to_mask(self) -> tuple[str, ...]:
        """The texts that logs must mask."""
        return () if self.proxy is None else self.proxy.secrets

    @property
    def note_for_errors(self) -> str:
        """What an error text adds to the API's address; empty for the plain way."""
        if self.proxy is not None:
            return (
                f" (through the proxy {self.proxy.shown_address}, from {self.proxy.setting.name})"
            )
        return f" (directly: {self.direct_because})" if self.direct_because else ""

    @property
    def trusted_certificates(self) -> str:
        """The certificates that a server is checked against, for error texts."""
        if self.certificates is None:
            return "certifi's list of public authorities"
        return f"{self.certificates.path!r} from {self.certificates.setting.name}"


PLAIN_ROUTE = Route()
"""A direct connection with certifi's list."""


def route_of_extra(extra: Mapping[str, object], *, connection: str) -> Route:
    """Return the route that the fields `proxy` and `ca_file` of a connection's extra describe.

    Raises:
        ConnectionIncomplete: a field is wrong. The text names it, but not its value, which may
            hold a password.
    """
    proxy = _text_of_extra(extra, "proxy", connection)
    ca_file = _text_of_extra(extra, "ca_file", connection)
    where = f"in the extra of connection '{connection}'"
    certificates = Certificates(path=ca_file, setting=Setting(name=f"ca_file {where}"))
    route = Route(certificates=certificates if ca_file else None)
    if proxy.lower() == NO_PROXY_WANTED:
        because = f'proxy {where} is "{NO_PROXY_WANTED}"'
        return Route(direct_because=because, certificates=route.certificates)
    if proxy:
        remedy = f'Correct proxy {where}, or write "{NO_PROXY_WANTED}" there to do without one.'
        setting = Setting(name=f"proxy {where}", remedy=remedy)
        return Route(proxy=parse_proxy(proxy, setting), certificates=route.certificates)
    return route


def _text_of_extra(extra: Mapping[str, object], name: str, connection: str) -> str:
    value = extra.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConnectionIncomplete(
            f"Connection '{connection}': {name} in its extra is not a text. Put it into quotes."
        )
    return value.strip()


def parse_proxy(url: str, setting: Setting) -> Proxy:
    """Return the proxy that a URL names; `http://` may be left out.

    Raises:
        ConnectionIncomplete: it is not the URL of an HTTP proxy. The text does not quote it.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise ConnectionIncomplete(f"{setting.name} is not the URL of a proxy. {_FORM}") from None
    if parts.scheme != "http":
        raise ConnectionIncomplete(
            f"{setting.name} names {_kind_of_proxy(parts.scheme)}. Only HTTP proxies with an http:// URL "
            f"are supported; calls stay encrypted from end to end inside them. {_FORM} "
            f"{setting.remedy}"
        )
    # A URL with a path or a query is a proxy's configuration script, or the URL of something else.
    host = parts.hostname or ""
    is_more = parts.path.strip("/") or parts.query or parts.fragment
    if not host or is_more or not host.isprintable() or any(map(str.isspace, host)):
        raise ConnectionIncomplete(f"{setting.name} is not the URL of a proxy. {_FORM}")
    authorization, secrets = _credentials_of_url(parts)
    return Proxy(
        host=host,
        port=_HTTP_PORT if port is None else port,
        setting=setting,
        authorization=authorization,
        secrets=secrets,
    )


def _kind_of_proxy(scheme: str) -> str:
    if scheme == "https":
        return "a proxy with an https:// URL"
    return "a SOCKS proxy" if scheme.startswith("socks") else "something other than an HTTP proxy"


def _credentials_of_url(parts: SplitResult) -> tuple[str | None, tuple[str, ...]]:
    """Return the header's value, and the texts to mask. A user name alone is a token."""
    typed_user, typed_password = parts.username or "", parts.password or ""
    if not typed_user and not typed_password:
        return None, ()
    user, password = unquote(typed_user), unquote(typed_password)
    # The environment's bytes may not be UTF-8, and an error about that would quote them.
    pair = f"{user}:{password}".encode(errors="surrogateescape")
    token = b64encode(pair).decode("ascii")
    secret, typed_secret = (password, typed_password) if password else (user, typed_user)
    return f"Basic {token}", tuple(dict.fromkeys((token, secret, typed_secret)))
