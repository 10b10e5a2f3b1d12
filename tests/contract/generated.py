"""Hypothesis strategies made from the published schemas. Knows no client of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.contract.published import answer_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

CREDITS_PER_USD = 2_000_000


def instances(schema: dict[str, Any]) -> SearchStrategy[Any]:
    """Everything that an OpenAPI 3.0 schema allows, of the words that the answers' schemas use.

    Numbers are whole and not negative: the schemas say "number" for counts of tokens.
    """
    if schema.get("nullable"):
        rest = {word: value for word, value in schema.items() if word != "nullable"}
        return st.none() | instances(rest)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        return st.one_of([instances(option) for option in options])
    return OF_TYPE[schema["type"]](schema)


def _arrays(schema: dict[str, Any]) -> SearchStrategy[list[Any]]:
    return st.lists(instances(schema["items"]), max_size=2)


def _objects(schema: dict[str, Any]) -> SearchStrategy[dict[str, Any]]:
    parts = {name: instances(part) for name, part in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )


OF_TYPE: dict[str, Callable[[dict[str, Any]], SearchStrategy[Any]]] = {
    "array": _arrays,
    "object": _objects,
    "string": lambda _: st.text(max_size=20),
    "boolean": lambda _: st.booleans(),
    "integer": lambda _: st.integers(0, 10**9),
    "number": lambda _: st.integers(0, 10**9),
}


@st.composite
def answers(draw: st.DrawFn, model: str) -> dict[str, Any]:
    """A JSON answer that the published schema allows and that makes sense.

    One choice, as nobody asks for more; dollars and credits that agree; no refusal beside a
    finish reason that speaks of the length; a field or two that no schema knows.
    """
    schema = answer_schema(model)
    only = draw(instances(schema["properties"].pop("choices")["items"])) | {"index": 0}
    schema["required"].remove("choices")
    made: dict[str, Any] = draw(instances(schema))
    if only["finish_reason"] in ("length", "max_tokens"):
        only["message"].pop("refusal", None)
    made["choices"] = [only]
    spent = (made.get("meta") or {}).get("usage")
    if spent and "usd_spent" in spent:
        spent["usd_spent"] = spent["credits_used"] / CREDITS_PER_USD
    made |= draw(st.fixed_dictionaries({}, optional={"provider": st.text(), "warnings": st.none()}))
    return made


JSON_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON_VALUES = st.recursive(
    JSON_LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """The same JSON value with one part of it, at any depth, gone or replaced by anything."""
    if isinstance(whole, (dict, list)) and whole and draw(st.integers(0, 4)):
        keys = list(whole) if isinstance(whole, dict) else list(range(len(whole)))
        key = draw(st.sampled_from(keys))
        copy: Any = whole.copy()
        if draw(st.integers(0, 3)):
            copy[key] = draw(damaged(whole[key]))
        else:
            del copy[key]
        return copy
    return draw(JSON_VALUES)
