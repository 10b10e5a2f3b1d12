"""Deprecated and withdrawn models, and their replacements. The names are examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SONNET = "anthropic/claude-sonnet-4-6-20260218"
_KNOWN = (
    ("anthropic/claude-3-haiku", "deprecated", "anthropic/claude-haiku-4-5"),
    ("anthropic/claude-sonnet-4", "superseded", _SONNET),
    ("anthropic/claude-opus-4", "superseded", "anthropic/claude-opus-4-6"),
    ("anthropic/claude-3-5-sonnet-20241022", "withdrawn", _SONNET),
)


def list_deprecations(withdrawn: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one entry per model, including those that the script withdraws."""
    rows = (*_KNOWN, *((name, "withdrawn", new) for name, new in withdrawn.items()))
    return [
        {"id": name, "aliases": [name.rpartition("/")[2]], "status": status, "replaced_by": new}
        for name, status, new in rows
    ]
