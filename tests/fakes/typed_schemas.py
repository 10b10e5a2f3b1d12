"""Any schema whose properties columns can hold, and answers that follow it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
NAMES = ["a", "B c", "d.e", "properties", "é", "x" * 300]
SCALARS: list[tuple[Schema, st.SearchStrategy[Any]]] = [
    ({"type": "string"}, st.text()),
    ({"type": "integer"}, st.integers(-(2**63), 2**63 - 1)),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
    ({"type": "boolean"}, st.booleans()),
    ({"enum": ["x", "y"]}, st.sampled_from(["x", "y"])),
    ({"type": "string", "format": "date"}, st.dates().map(str)),
    (
        {"type": "string", "format": "date-time"},
        st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    ),
]
Typed = tuple[Schema, st.SearchStrategy[Any]]


def lists_of(inner: Typed) -> Typed:
    return {"type": "array", "items": inner[0]}, st.lists(inner[1], max_size=3)


def maps_of(inner: Typed) -> Typed:
    return (
        {"type": "object", "additionalProperties": inner[0]},
        st.dictionaries(st.text(), inner[1], max_size=3),
    )


def nulls_or(inner: Typed) -> Typed:
    return {"anyOf": [inner[0], {"type": "null"}]}, st.none() | inner[1]


def structs_of(properties: dict[str, tuple[Typed, bool]]) -> Typed:
    schemas = {name: typed[0] for name, (typed, _) in properties.items()}
    required = {name: typed[1] for name, (typed, is_required) in properties.items() if is_required}
    optional = {name: typed[1] for name, (typed, _) in properties.items() if name not in required}
    schema = {"type": "object", "properties": schemas, "required": list(required)}
    return schema, st.fixed_dictionaries(required, optional=optional)


def structs(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    properties = st.dictionaries(
        st.sampled_from(NAMES), st.tuples(inner, st.booleans()), min_size=1, max_size=4
    )
    return properties.map(structs_of)


TYPED = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        inner.map(lists_of)
        | inner.map(maps_of)
        | inner.filter(lambda typed: "anyOf" not in typed[0]).map(nulls_or)
        | structs(inner)
    ),
    max_leaves=5,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schema, list[Any]]:
    schema, values = draw(structs(TYPED))
    return schema, draw(st.lists(values, min_size=1, max_size=4))


def alike(kept: Any, given: Any) -> bool:
    """Whether a value was kept. A moment may be written in another way; a missing one may be null."""
    if isinstance(given, dict):
        there = {name: value for name, value in kept.items() if name in given}
        rest = [value for name, value in kept.items() if name not in given]
        return (
            there.keys() == given.keys()
            and rest == [None] * len(rest)
            and all(alike(there[name], value) for name, value in given.items())
        )
    if isinstance(given, list):
        return len(kept) == len(given) and all(map(alike, kept, given))
    if isinstance(given, str) and kept != given:
        return moment(kept) == moment(given)
    return bool(kept == given) and isinstance(kept, bool) == isinstance(given, bool)


def moment(text: str) -> str:
    day, _, time = text.removesuffix("Z").partition("T")
    return f"{day}T{time.rstrip('0').rstrip('.') if '.' in time else time}"
