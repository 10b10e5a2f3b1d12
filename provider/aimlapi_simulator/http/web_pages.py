"""The check that keeps web pages out, because any page may send requests to 127.0.0.1.

Two headers identify a request of a page. A page can leave out neither.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

REFUSAL = (
    "Web pages are refused. Call this server from a program, by its address "
    "or by a name without a dot."
)
_PRIVATE = (".internal", ".localhost")
"""Endings that no public name has."""
_PORT = re.compile(r":\d*$")


def is_from_web_page(*, origin: str, host: str) -> bool:
    """Return whether a web page may have sent this request.

    1. A browser adds `Origin` to each request by which a page changes something on another server.
    2. A page can make its own name resolve to this machine. The browser then treats the server as
       the page's own, and adds no `Origin`. But `Host` is the page's name, which has a dot.

    Args:
        origin: the header `Origin`, empty if absent.
        host: the header `Host`, empty if absent.
    """
    return bool(origin) or _is_public_name(host)


@lru_cache(maxsize=64)
def _is_public_name(host: str) -> bool:
    name = _PORT.sub("", host).strip("[]").rstrip(".").lower()
    if "." not in name or name.endswith(_PRIVATE):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False
