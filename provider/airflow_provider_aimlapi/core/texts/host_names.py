"""Accepts only host names that every component on the way to the host reads in the same way. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

HOST_CHARACTERS_MAX = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def ascii_host(name: str) -> str | None:
    """Return a host as it is written in a URL, an international one in its ASCII form.

    Args:
        name: in lower case, an IPv6 address without its brackets.

    Returns:
        None for a text that is neither an IP address nor a name of DNS.
    """
    if len(name) > HOST_CHARACTERS_MAX:
        return None
    # An ASCII form is checked as well, because it may stand for a name that IDNA forbids.
    if not name.isascii() or "xn--" in name:
        try:
            name = idna.encode(name).decode("ascii")
        except UnicodeError:  # idna.IDNAError is a UnicodeError
            return None
    labels = name.removesuffix(".").split(".")
    # A name that ends in a number is read as an IPv4 address by some components, in several
    # spellings.
    if ":" in name or labels[-1].isdecimal():
        return name if _is_address(name) else None
    return name if all(map(_LABEL.fullmatch, labels)) else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone is valid on one machine only
