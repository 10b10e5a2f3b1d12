"""Tells a program's request from one that a web page makes through the browser of its reader.

Any page may send requests to 127.0.0.1. Two headers give it away, and no page can leave them out.
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
    """Return whether a browser sent this, or may have.

    1. A browser adds `Origin` to each request of a page that changes something elsewhere.
    2. A page can have its own name resolve to this machine. The browser then takes the server for
       the page's own, and adds no `Origin`. But `Host` holds the page's name, which has a dot.

    Args:
        origin, host: the headers of these names, empty if absent.
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
