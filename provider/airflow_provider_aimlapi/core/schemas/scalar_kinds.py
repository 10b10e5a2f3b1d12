"""The types of texts, numbers and flags, from the keywords `type`, `format`, `enum` and `const`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.schemas.kinds import Kind
from airflow_provider_aimlapi.core.schemas.refusal import refusal_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject
    from airflow_provider_aimlapi.core.schemas.kinds import KindName

_OF_TYPE: dict[str, KindName] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}
_OF_FORMAT: dict[str, KindName] = {"date": "date", "date-time": "timestamp"}
_NUMBERS = {"integer", "number"}
_TYPES = {*_OF_TYPE, "object", "array", "null"}


class StatedType(NamedTuple):
    """The value of the keyword `type`.

    Attributes:
        name: the one type besides null.
        is_nullable: whether null is allowed, too.
    """

    name: str
    is_nullable: bool


def stated_type(value: Json, path: str) -> StatedType:
    """Read the keyword `type`.

    Raises:
        InvalidSpec: it names no type, or several.
    """
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names:
        raise refusal_at(path, "has a type that is no name of a type.")
    unknown = [name for name in names if not isinstance(name, str) or name not in _TYPES]
    if unknown:
        raise refusal_at(
            path, f"has the type {unknown[0]!r}. Give one of {', '.join(sorted(_TYPES))}."
        )
    others = sorted({str(name) for name in names} - {"null"})
    if not others:
        raise refusal_at(path, "can only be null. Give it another type.")
    return StatedType(one_type(others, path), "null" in names)


def one_type(names: Iterable[str], path: str) -> str:
    """Return the only type; `number` for integers and numbers.

    Raises:
        InvalidSpec: there are several.
    """
    found = sorted(set(names))
    if len(found) == 1:
        return found[0]
    if set(found) == _NUMBERS:
        return "number"
    raise refusal_at(
        path,
        f"can be {' or '.join(found)}. A column has one type: choose one, or make it two properties.",
    )


def scalar_kind(name: str, schema: JsonObject, *, is_nullable: bool) -> Kind:
    """Return the type of a text, a number or a flag. A format can make a text a date or a timestamp."""
    form = schema.get("format")
    if name == "string" and isinstance(form, str) and form in _OF_FORMAT:
        return Kind(name=_OF_FORMAT[form], is_nullable=is_nullable)
    return Kind(name=_OF_TYPE[name], is_nullable=is_nullable)


def kind_of_values(values: Iterable[Json], path: str) -> Kind:
    """Return the type of the values of `enum` or `const`.

    Raises:
        InvalidSpec: they have several types, or one that is not of a single value.
    """
    names = {json_type(value, path) for value in values}
    others = names - {"null"}
    if not others:
        raise refusal_at(path, "can only be null. Give it another value.")
    return scalar_kind(one_type(others, path), {}, is_nullable="null" in names)


def json_type(value: Json, path: str) -> str:
    """Return the type of a single value.

    Raises:
        InvalidSpec: it is an object or a list.
    """
    if value is None:
        return "null"
    # Before `int`, because a bool is one to Python.
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    raise refusal_at(
        path, "has an object or a list as a fixed value. Give its properties or items types."
    )
