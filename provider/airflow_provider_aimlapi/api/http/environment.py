"""Reads proxies and certificates from the environment, as httpx does. Opens no connection.

Nothing else is read from the environment: no .netrc, no base URL, and no switch that turns
verification off.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, NoReturn

import httpx

from airflow_provider_aimlapi.api.http.certificates import tls_context
from airflow_provider_aimlapi.core.calls.route import Certificates, Route, Setting, parse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

CERTIFICATE_VARIABLES = {
    "SSL_CERT_FILE": False,
    "SSL_CERT_DIR": True,
    "REQUESTS_CA_BUNDLE": True,
    "CURL_CA_BUNDLE": True,
}
"""The variables, in order of precedence, and whether each may name a folder: first those of httpx,
then those of requests."""


def settle_route(endpoint: Endpoint, variables: Mapping[str, str]) -> Endpoint:
    """Return the endpoint, with the environment's settings where its connection has none.

    An http endpoint, which is on this machine, is called directly.

    Raises:
        ConnectionIncomplete: a proxy or a certificate file cannot be used. The text names the
            variable.
    """
    route, url = endpoint.route, httpx.URL(endpoint.base_url)
    # Such an endpoint is on this machine, and a proxy elsewhere could not reach it.
    if url.scheme != "https":
        route = replace(route, proxy=None, direct_because="")
    else:
        if route.proxy is None and not route.direct_because:
            route = _with_proxy(route, url, variables)
        if route.certificates is None:
            route = replace(route, certificates=_certificates_named_in(variables))
    if route.certificates is not None:
        tls_context(route.certificates)
    return replace(endpoint, route=route)


def _certificates_named_in(variables: Mapping[str, str]) -> Certificates | None:
    for name, may_be_folder in CERTIFICATE_VARIABLES.items():
        if path := variables.get(name):
            return Certificates(path=path, setting=Setting(name=name), may_be_folder=may_be_folder)
    return None


def _with_proxy(route: Route, url: httpx.URL, variables: Mapping[str, str]) -> Route:
    names = {scheme: _proxy_variable(variables, scheme) for scheme in ("https", "all")}
    named = names["https"] or names["all"]
    if named is None:
        return route
    exempting = _proxy_variable(variables, "no") or ""
    exempt = variables.get(exempting, "").split(",")
    table: dict[str, str | None] = {f"{scheme}://": name for scheme, name in names.items() if name}
    chosen = _name_for_url({**table, **dict.fromkeys(_exempt_patterns(exempt))}, url)
    if chosen is None or "*" in map(str.strip, exempt):
        return replace(route, direct_because=f"{exempting} exempts it from {named}")
    remedy = f"Correct {chosen}, or add the API's host to NO_PROXY to do without a proxy."
    return replace(
        route, proxy=parse_proxy(variables[chosen].strip(), Setting(name=chosen, remedy=remedy))
    )


def _proxy_variable(variables: Mapping[str, str], scheme: str) -> str | None:
    """Return the variable that `urllib.request.getproxies_environment` would use.

    Names may have any case. A name that ends in lower case comes first. If it is empty, there is no
    proxy.
    """
    names = [name for name in variables if name.lower() == f"{scheme}_proxy"]
    chosen = None
    for name in names:
        # Of several spellings, the last one with a value counts.
        chosen = name if variables[name] else chosen
    for name in names:
        if name.endswith("_proxy"):
            chosen = name if variables[name] else None
    return chosen


def _exempt_patterns(entries: list[str]) -> Iterator[str]:
    """Yield the entries of NO_PROXY as httpx's patterns. An entry that httpx cannot read is skipped."""
    for entry in map(str.strip, entries):
        if not entry or entry == "*":
            continue
        pattern = _exempt_pattern(entry)
        try:
            httpx.URL(pattern)
        except (httpx.InvalidURL, ValueError):
            continue
        yield pattern


def _exempt_pattern(entry: str) -> str:
    if "://" in entry:
        return entry
    network = entry.partition("/")[0]
    if _is_address(network, IPv4Address) or entry.lower() == "localhost":
        return f"all://{entry}"
    return f"all://[{entry}]" if _is_address(network, IPv6Address) else f"all://*{entry}"


def _is_address(text: str, kind: type[IPv4Address | IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


class _Chosen(Exception):
    """The transport of this name was chosen."""

    def __init__(self, name: str | None) -> None:
        self.name = name


class _Mount(httpx.BaseTransport):
    """Raises its name instead of sending, because httpx would log an answer as a call."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def handle_request(self, request: httpx.Request) -> NoReturn:  # noqa: ARG002
        raise _Chosen(self._name)


def _name_for_url(table: Mapping[str, str | None], url: httpx.URL) -> str | None:
    """Return the name that httpx chooses from a table of patterns; None if no pattern matches."""
    mounts = {pattern: _Mount(name) for pattern, name in table.items()}
    with httpx.Client(transport=_Mount(None), mounts=mounts, trust_env=False) as client:
        try:
            client.get(url)
        except _Chosen as chosen:
            return chosen.name
    raise AssertionError("a mount raises")
