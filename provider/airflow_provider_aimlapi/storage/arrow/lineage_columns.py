"""Turns Arrow's fields into the columns that a data catalogue receives. Reads no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_aimlapi.core.reporting.lineage import TYPE_CHARACTERS_MAX, Column

if TYPE_CHECKING:
    from collections.abc import Iterable


def columns_of(fields: Iterable[pa.Field]) -> tuple[Column, ...]:
    """Return names and types: a struct's fields one by one, those of lists and maps in its type."""
    return tuple(map(_column_of, fields))


def _column_of(field: pa.Field) -> Column:
    if pa.types.is_struct(field.type):
        return Column(name=field.name, type="struct", fields=columns_of(field.type))
    return Column(name=field.name, type=str(field.type)[:TYPE_CHARACTERS_MAX])
