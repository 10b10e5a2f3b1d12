"""The one form of an error about a schema: the path, the reason, the fix."""

from __future__ import annotations

from airflow_provider_aimlapi.errors import InvalidSpec

NEEDS_SCHEMA = "output_column=None needs output_schema, whose properties become columns."


def refusal_at(path: str, reason: str) -> InvalidSpec:
    """Return the error for a path in the schema, such as `$.topic`."""
    what = "the schema" if path == "$" else path
    return InvalidSpec(f"output_schema: {what} {reason}")
