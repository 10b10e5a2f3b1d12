"""Refuses a schema that no answer can follow, because each row would be paid for and be invalid. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.schemas.refusal import refusal_at
from airflow_provider_aimlapi.core.schemas.scalar_kinds import json_type

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject

_BOUNDS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def check_bounds(schema: JsonObject, path: str) -> None:
    """Refuse a lower bound that is above the upper one.

    Raises:
        InvalidSpec: there is one.
    """
    for lower, upper in _BOUNDS:
        least, most = schema.get(lower), schema.get(upper)
        # A bound that is no number is refused when the schema is compiled.
        if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most:
            raise refusal_at(
                path, f"has a {lower} above its {upper}, so no answer is valid. Change one."
            )


def check_fixed_values(type_name: str, schema: JsonObject, path: str) -> None:
    """Refuse fixed values of a scalar, none of which has the stated type.

    Raises:
        InvalidSpec: there are some.
    """
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list) and not any(_has_type(value, type_name, path) for value in values):
        raise refusal_at(path, f"has no fixed value of its type {type_name}. Change the type.")


def _has_type(value: Json, type_name: str, path: str) -> bool:
    found = json_type(value, path)
    if type_name == "integer" and isinstance(value, float):
        return value.is_integer()
    return found == type_name or (type_name == "number" and found == "integer")
