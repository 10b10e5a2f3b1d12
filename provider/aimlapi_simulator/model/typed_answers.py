"""Answers that follow a JSON schema, and the ways in which a model fails to follow it.

The schema comes in a forced tool, in `response_format`, or as a part of the system text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_NESTED = 5_000
"""More levels than a reader of JSON allows."""


def sample_value(schema: dict[str, Any], text: str, quote: str = "") -> Any:
    """Make a value that fits a schema, the same for the same text.

    Args:
        text: the content of strings, and the seed of all choices.
        quote: the content of strings that must occur in the prompt. A choice that it names is taken.
    """
    seed = crc32(text.encode("utf-8", "surrogatepass"))
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices:
        named = [one for one in choices if isinstance(one, str) and one and one in quote.casefold()]
        return named[0] if named else choices[seed % len(choices)]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options and "type" not in schema:
        useful = [option for option in options if option.get("type") != "null"]
        return sample_value((useful or options)[0], text, quote)
    return _sample_of_type(_type_of(schema), schema, text, quote)


def _type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):  # the null among them is left out
        kind = next((one for one in kind if one != "null"), "null")
    return str(kind)


def _sample_of_type(kind: str, schema: dict[str, Any], text: str, quote: str) -> Any:
    seed = crc32(text.encode("utf-8", "surrogatepass"))
    samples: dict[str, Callable[[], Any]] = {
        "object": lambda: _sample_object(schema, text, quote),
        "array": lambda: _sample_array(schema, text, quote),
        "integer": lambda: _sample_number(schema, seed, is_whole=True),
        "number": lambda: _sample_number(schema, seed, is_whole=False),
        "boolean": lambda: True,
        "null": lambda: None,
    }
    return samples.get(kind, lambda: _sample_text(schema, text, quote))()


def _sample_array(schema: dict[str, Any], text: str, quote: str) -> list[Any]:
    count = max(1, schema.get("minItems", 1))
    return [sample_value(schema.get("items") or {}, text, quote) for _ in range(count)]


def _sample_object(schema: dict[str, Any], text: str, quote: str) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    found = {name: sample_value(inner, text, quote) for name, inner in properties.items()}
    others = schema.get("additionalProperties")
    if not properties and isinstance(others, dict):
        found["key"] = sample_value(others, text, quote)
    return found


def _sample_number(schema: dict[str, Any], seed: int, *, is_whole: bool) -> float:
    """Return a number between the limits; without an upper one, the lowest, and 0 without any."""
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    least = schema.get("minimum", schema.get("exclusiveMinimum", min(most or 0, 0)))
    step = 1 if is_whole or most is None else (most - least) / 4
    if "exclusiveMinimum" in schema:
        least += step
    if most is not None:
        steps = int((most - least) / step) if step else 0
        least += step * (seed % max(1, steps + ("exclusiveMaximum" not in schema)))
    return int(least) if is_whole else float(least)


def _sample_text(schema: dict[str, Any], text: str, quote: str) -> str:
    if schema.get("quote_of"):
        return quote
    known = {"date": "2026-02-18", "date-time": "2026-02-18T09:30:00Z"}
    found: str = known.get(schema.get("format", ""), text)
    return found.ljust(schema.get("minLength", 0), "…")[: schema.get("maxLength", len(text) + 1)]


def quote_from(prompt: str) -> str:
    """Return the first sentence of the prompt's longest paragraph, letter by letter."""
    paragraph = max(prompt.split("\n\n"), key=len).strip().split("\n")[0]
    return paragraph[: paragraph.find(". ") + 1] or paragraph


def encode_value(value: Any) -> str:
    """Return a value as JSON."""
    return msgspec.json.encode(value).decode()


def spoil_json(how: str, schema: dict[str, Any], value: dict[str, Any]) -> str:
    """Return the JSON of an object with one fault, or with text around it.

    Args:
        how: a key of `SPOILS`.
    """
    return SPOILS[how](schema, value)


def _fields_changed(value: dict[str, Any], changed: dict[str, Any]) -> str:
    # A schema without a suitable property gets a value of another type.
    name = next(iter(value), "unexpected")
    return encode_value(value | (changed or {name: [[]]}))


def _without_required(schema: dict[str, Any], value: dict[str, Any]) -> str:
    name = next(iter(schema.get("required") or value), "")
    return encode_value({key: inner for key, inner in value.items() if key != name})


def _enum_case(schema: dict[str, Any], value: dict[str, Any]) -> str:
    changed = {
        name: value[name].swapcase()
        for name, inner in (schema.get("properties") or {}).items()
        if inner.get("enum") and isinstance(value.get(name), str)
    }
    return _fields_changed(value, changed)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers_as_texts(_schema: dict[str, Any], value: dict[str, Any]) -> str:
    changed = {name: str(inner) for name, inner in value.items() if _is_number(inner)}
    return _fields_changed(value, changed)


def _with_nan(_schema: dict[str, Any], value: dict[str, Any]) -> str:
    name = next((name for name, inner in value.items() if _is_number(inner)), "unexpected")
    return json.dumps(value | {name: float("nan")})


def _with_key_twice(_schema: dict[str, Any], value: dict[str, Any]) -> str:
    name, inner = next(iter(value.items()), ("unexpected", 1))
    return f"{{{encode_value(name)}:{encode_value(inner)},{encode_value(value)[1:]}"


def _nested_too_deeply(_schema: dict[str, Any], _value: dict[str, Any]) -> str:
    return '{"a":' * _NESTED + "1" + "}" * _NESTED


def _of_text(change: Callable[[str], str]) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    return lambda _schema, value: change(encode_value(value))


SPOILS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    # A lenient reader finds the object in these.
    "typed-fences": _of_text(lambda text: f"```json\n{text}\n```"),
    "typed-prose": _of_text(lambda text: f"Here it is:\n\n{text}\n\nTell me if you need more."),
    "typed-as-text": _of_text(encode_value),
    # These do not follow the schema.
    "typed-trailing-comma": _of_text(lambda text: f"{text[:-1]},}}"),
    "typed-wrong-type": lambda _schema, value: _fields_changed(value, {}),
    "typed-missing-field": _without_required,
    "typed-extra-field": lambda _schema, value: encode_value(value | {"unexpected": 1}),
    "typed-enum-case": _enum_case,
    "typed-number-as-text": _numbers_as_texts,
    "typed-cut": _of_text(lambda text: text[: len(text) * 2 // 3]),
    "typed-duplicate-key": _with_key_twice,
    "typed-nan": _with_nan,
    "typed-nesting": _nested_too_deeply,
    "typed-not-json": lambda _schema, _value: "The topic is billing.",
    "typed-two": lambda schema, value: f"{encode_value(value)}\n{_without_required(schema, value)}",
    "typed-empty": lambda _schema, _value: "",
}
"""The faults of typed answers, by the kind of the script's fault."""
