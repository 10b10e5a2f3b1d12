"""Finds the schema of an answer in a system text."""

from __future__ import annotations

import json
from typing import Any


def schema_in(system: str) -> dict[str, Any] | None:
    """Return the schema in a system text that asks for JSON; None if there is none."""
    start = system.find("{")
    while start >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(system, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and "properties" in found:
            return found
        start = system.find("{", start + 1)
    return None
