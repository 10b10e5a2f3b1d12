"""Reads a JSON schema: replaces its references, closes its objects, and finds each property's type.

It refuses everything that has no type of a column: unions of types, recursion, and values of any type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.schemas.json_copies import copied_json
from airflow_provider_aimlapi.core.schemas.keywords import NESTED, REFUSED, REMOVED, UNIONS
from airflow_provider_aimlapi.core.schemas.kinds import Kind, Property
from airflow_provider_aimlapi.core.schemas.paths import ROOT, step_to
from airflow_provider_aimlapi.core.schemas.possible_values import check_bounds, check_fixed_values
from airflow_provider_aimlapi.core.schemas.property_names import check_names
from airflow_provider_aimlapi.core.schemas.references import target_of, with_annotations
from airflow_provider_aimlapi.core.schemas.refusal import refusal_at
from airflow_provider_aimlapi.core.schemas.scalar_kinds import (
    kind_of_values,
    one_type,
    scalar_kind,
    stated_type,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject

    Found = tuple[dict[str, Json], Kind]

PROPERTIES_MAX = 500
DEPTH_MAX = 32
"""Levels of nesting. Parquet readers, and people, have trouble with fewer."""
NODES_MAX = 5_000
"""A few references to references can stand for billions of properties."""
_ANY = "allows values of any type. A column has one type: give it one."


class SchemaReader:
    """Reads one schema.

    Attributes:
        root: the whole schema, which references point into.
    """

    def __init__(self, root: JsonObject) -> None:
        self.root = root
        # The references that lead to the path that is being read. One of them again is a recursion.
        self._open: list[Json] = []
        self._nodes = 0
        self._properties = 0

    def read_schema(self) -> Found:
        """Return the canonical schema and the type of its answers.

        Raises:
            InvalidSpec: it is not a schema, or a column cannot hold a property.
        """
        canonical, kind = self._read_part(self.root, ROOT, 0)
        if kind.name != "struct" or kind.is_nullable or kind.quote_of:
            raise refusal_at(ROOT, 'must be an object: {"type": "object", "properties": {…}}.')
        return canonical, kind

    def _read_part(self, schema: Json, path: str, depth: int) -> Found:
        """Return a part of the schema in its canonical form, and its type."""
        self._nodes += 1
        if depth > DEPTH_MAX or self._nodes > NODES_MAX:
            raise refusal_at(
                path, f"is nested in more than {DEPTH_MAX} levels, or the schema is too large."
            )
        if schema is True or schema == {}:
            raise refusal_at(path, _ANY)
        if not isinstance(schema, Mapping) or not all(isinstance(key, str) for key in schema):
            raise refusal_at(path, "is not a schema. Give a JSON object of keywords.")
        # First, because what a reference refers to decides the type.
        for keyword in ("$ref", "allOf"):
            if keyword in schema:
                return self._follow_reference(schema, keyword, path, depth)
        refused = sorted(REFUSED & schema.keys())
        if refused:
            raise refusal_at(
                path, f"has {refused[0]!r}, which the type of a column cannot show. Remove it."
            )
        canonical, kind = self._read_plain(schema, path, depth)
        return dict(sorted(canonical.items())), _quoting_kind(kind, schema.get("quote_of"), path)

    def _follow_reference(self, schema: JsonObject, keyword: str, path: str, depth: int) -> Found:
        """Read what a reference refers to, or the only schema of an `allOf`."""
        reference = schema[keyword]
        if keyword == "allOf":
            if not isinstance(reference, (list, tuple)) or len(reference) != 1:
                raise refusal_at(path, "has an allOf of several schemas. Write them as one schema.")
            target = reference[0]
            key: Json = None
        else:
            key, target = reference, target_of(self.root, reference, path)
            if key in self._open:
                raise refusal_at(path, "contains itself. A column cannot hold a recursive type.")
        self._open.append(key)
        try:
            whole = with_annotations(target, schema, keyword, path)
            return self._read_part(whole, path, depth + 1)
        finally:
            self._open.pop()

    def _read_plain(self, schema: JsonObject, path: str, depth: int) -> Found:
        """Read a schema without a reference. What states the type comes first."""
        plain = {
            name: copied_json(value, f"{path} ({name})")
            for name, value in schema.items()
            if name not in REMOVED and name not in NESTED
        }
        check_bounds(plain, path)
        unions = [name for name in UNIONS if name in schema]
        if len(unions) + ("type" in schema) > 1:
            raise refusal_at(path, f"has {unions[0]!r} beside another type. Keep one of them.")
        if unions:
            return self._read_union(schema, unions[0], plain, path, depth)
        if "type" in schema:
            stated = stated_type(schema["type"], path)
            if stated.name == "object":
                canonical, kind = self._read_object(schema, plain, path, depth)
            elif stated.name == "array":
                canonical, kind = self._read_list(schema, plain, path, depth)
            else:
                check_fixed_values(stated.name, plain, path)
                canonical, kind = plain, scalar_kind(stated.name, schema, is_nullable=False)
            return canonical, replace(kind, is_nullable=stated.is_nullable)
        return plain, kind_of_values(_fixed_values(schema, path), path)

    def _read_union(
        self, schema: JsonObject, keyword: str, plain: dict[str, Json], path: str, depth: int
    ) -> Found:
        """Read alternatives, which must have the same type. One of them may be null."""
        branches = schema[keyword]
        if not isinstance(branches, (list, tuple)) or not branches:
            raise refusal_at(path, f"has a {keyword} that is no list of schemas.")
        beside = sorted((NESTED - {keyword}) & schema.keys())
        if beside:
            raise refusal_at(
                path, f"has {beside[0]!r} beside {keyword!r}. Move it into the alternatives."
            )
        # Pydantic writes an optional value as a union with null.
        others = [branch for branch in branches if branch != {"type": "null"}]
        if not others:
            raise refusal_at(path, "can only be null. Give it another type.")
        read = [self._read_part(branch, path, depth + 1) for branch in others]
        kinds = [replace(kind, is_nullable=False) for _, kind in read]
        if any(kind != kinds[0] for kind in kinds):
            if "struct" in {kind.name for kind in kinds}:
                raise refusal_at(
                    path, "can be one of several objects. Make them one object, or properties."
                )
            name = one_type((kind.name for kind in kinds), path)
            # An integer or a number: a column of doubles holds both.
            kinds = [Kind(name="number")] if name == "number" else kinds
        found: list[Json] = [canonical for canonical, _ in read]
        has_null = len(others) < len(branches)
        plain[keyword] = [*found, {"type": "null"}] if has_null else found
        is_nullable = has_null or any(kind.is_nullable for _, kind in read)
        return plain, replace(kinds[0], is_nullable=is_nullable)

    def _read_list(
        self, schema: JsonObject, plain: dict[str, Json], path: str, depth: int
    ) -> Found:
        items = schema.get("items", True)
        if isinstance(items, (list, tuple)):
            raise refusal_at(
                path, "has a type for each position. A column's list has one type: give one."
            )
        canonical, item = self._read_part(items, f"{path}[]", depth + 1)
        return plain | {"items": canonical}, Kind(name="list", item=item)

    def _read_object(
        self, schema: JsonObject, plain: dict[str, Json], path: str, depth: int
    ) -> Found:
        """Read an object with named properties, or a map from any name to values of one type."""
        properties, further = schema.get("properties", {}), schema.get("additionalProperties")
        if not isinstance(properties, Mapping):
            raise refusal_at(path, "has properties that are no object of schemas.")
        if not properties:
            return self._read_map(schema, plain, path, depth)
        # A property that no column has would be lost.
        if further not in (None, False):
            raise refusal_at(path, "allows further properties. Set additionalProperties to false.")
        if "propertyNames" in schema:
            raise refusal_at(path, "has 'propertyNames' beside 'properties'. Remove it.")
        self._count_properties(properties, path)
        required = schema.get("required", ())
        if not isinstance(required, (list, tuple)) or any(
            one not in properties for one in required
        ):
            raise refusal_at(path, "requires a name that is none of its properties.")
        read = {
            name: self._read_part(value, path + step_to(name), depth + 1)
            for name, value in properties.items()
        }
        kinds = tuple(
            Property(name=name, kind=kind, is_required=name in required)
            for name, (_, kind) in read.items()
        )
        canonical: dict[str, Json] = {name: value for name, (value, _) in read.items()}
        plain |= {"properties": canonical, "additionalProperties": False}
        return plain, Kind(name="struct", properties=kinds)

    def _read_map(self, schema: JsonObject, plain: dict[str, Json], path: str, depth: int) -> Found:
        values = schema.get("additionalProperties", False)
        if values is False:
            raise refusal_at(path, "is an object without properties. Give it properties.")
        canonical, item = self._read_part(values, f"{path}.*", depth + 1)
        plain["additionalProperties"] = canonical
        if "propertyNames" in schema:
            plain["propertyNames"] = self._read_key(schema["propertyNames"], path, depth)
        return plain, Kind(name="map", item=item)

    def _read_key(self, schema: Json, path: str, depth: int) -> Json:
        if isinstance(schema, Mapping) and "$ref" not in schema:
            schema = {"type": "string", **schema}
        canonical, _ = self._read_part(schema, f"{path} (propertyNames)", depth + 1)
        return canonical

    def _count_properties(self, properties: Mapping[str, Json], path: str) -> None:
        check_names(properties, path)
        self._properties += len(properties)
        if self._properties > PROPERTIES_MAX:
            raise refusal_at(
                path,
                f"has properties beyond the {PROPERTIES_MAX} that a schema may have. Use fewer.",
            )


def _fixed_values(schema: JsonObject, path: str) -> tuple[Json, ...]:
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum")
    if isinstance(values, (list, tuple)) and values:
        return tuple(values)
    raise refusal_at(path, _ANY)


def _quoting_kind(kind: Kind, column: Json, path: str) -> Kind:
    """Return the type with the column that it quotes. A list passes the column to its items."""
    if column is None:
        return kind
    if not isinstance(column, str) or not column:
        raise refusal_at(path, "has a quote_of that is no name of a column.")
    if kind.name == "list" and kind.item is not None:
        return replace(kind, item=_quoting_kind(kind.item, column, path))
    if kind.name != "string":
        raise refusal_at(
            path, f"has quote_of, but is of type {kind.name}. Only texts can be quotes."
        )
    return replace(kind, quote_of=column)
