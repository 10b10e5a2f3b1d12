"""Proxies and certificates that the environment names, read as httpx reads them. Connects to nothing.

Nothing else is taken from the environment: no .netrc, no base URL, and no way to skip verification.
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
"""The first that is set counts, and whether it may name a folder: httpx's two, then those of requests."""


def settle_route(endpoint: Endpoint, variables: Mapping[str, str]) -> Endpoint:
    """Return the endpoint with what its connection leaves open taken from the environment.

    An http endpoint, which is on this machine, is called directly.

    Raises:
        ConnectionIncomplete: a proxy or a certificate file cannot be used; the text names what set it.
    """
    route, url = endpoint.route, httpx.URL(endpoint.base_url)
    if url.scheme != "https":
        route = replace(route, proxy=None, direct_because="")
    else:
        if route.proxy is None and not route.direct_because:
            route = _with_proxy(route, url, variables)
        if route.certificates is None:
            route = replace(route, certificates=_certificates(variables))
    if route.certificates is not None:
        tls_context(route.certificates)
    return replace(endpoint, route=route)


def _certificates(variables: Mapping[str, str]) -> Certificates | None:
    for name, may_be_folder in CERTIFICATE_VARIABLES.items():
        if path := variables.get(name):
            return Certificates(path=path, setting=Setting(name=name), may_be_folder=may_be_folder)
    return None


def _with_proxy(route: Route, url: httpx.URL, variables: Mapping[str, str]) -> Route:
    names = {scheme: _variable(variables, scheme) for scheme in ("https", "all")}
    named = names["https"] or names["all"]
    if named is None:
        return route
    exempting = _variable(variables, "no") or ""
    exempt = variables.get(exempting, "").split(",")
    table: dict[str, str | None] = {f"{scheme}://": name for scheme, name in names.items() if name}
    chosen = _chosen({**table, **dict.fromkeys(_patterns(exempt))}, url)
    if chosen is None or "*" in map(str.strip, exempt):
        return replace(route, direct_because=f"{exempting} exempts it from {named}")
    remedy = f"Correct {chosen}, or add the API's host to NO_PROXY to do without a proxy."
    return replace(
        route, proxy=parse_proxy(variables[chosen].strip(), Setting(name=chosen, remedy=remedy))
    )


def _variable(variables: Mapping[str, str], scheme: str) -> str | None:
    """The name of the variable that counts, as `urllib.request.getproxies_environment` finds it.

    Names are taken in any case. One that ends in lower case comes first, and unsets when it is empty.
    """
    names = [name for name in variables if name.lower() == f"{scheme}_proxy"]
    chosen = None
    for name in names:
        chosen = name if variables[name] else chosen
    for name in names:
        if name.endswith("_proxy"):
            chosen = name if variables[name] else None
    return chosen


def _patterns(entries: list[str]) -> Iterator[str]:
    """Write the entries of NO_PROXY as httpx's patterns. One that httpx cannot read matches nothing."""
    for entry in map(str.strip, entries):
        if not entry or entry == "*":
            continue
        pattern = _pattern(entry)
        try:
            httpx.URL(pattern)
        except (httpx.InvalidURL, ValueError):
            continue
        yield pattern


def _pattern(entry: str) -> str:
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
    """A request came to the transport of this name."""

    def __init__(self, name: str | None) -> None:
        self.name = name


class _Mount(httpx.BaseTransport):
    """Sends nothing, and raises its name. An answer would be logged as if a call had been made."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def handle_request(self, request: httpx.Request) -> NoReturn:  # noqa: ARG002
        raise _Chosen(self._name)


def _chosen(table: Mapping[str, str | None], url: httpx.URL) -> str | None:
    """What httpx itself chooses from a table of patterns; None where no pattern matches."""
    mounts = {pattern: _Mount(name) for pattern, name in table.items()}
    with httpx.Client(transport=_Mount(None), mounts=mounts, trust_env=False) as client:
        try:
            client.get(url)
        except _Chosen as chosen:
            return chosen.name
    raise AssertionError("a mount raises")
