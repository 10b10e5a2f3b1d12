from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.errors import InvalidSpec


class Ticket(BaseModel):
    topic: Literal["billing", "delivery"]
    urgency: int = Field(ge=1, le=5)
    refund_usd: float | None = None
    quote: str = Field(json_schema_extra={"quote_of": "body"})


class Report(BaseModel):
    day: date
    moment: datetime
    tickets: list[Ticket]
    counts: dict[str, int]
    nested: Ticket | None
    mixed: int | float


class Tree(BaseModel):
    children: list[Tree]


class Open(BaseModel, extra="allow"):
    a: int


class Empty(BaseModel):
    pass


def of_property(**schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


def of_class(annotation: Any) -> dict[str, Any]:
    return create_model("Made", a=(annotation, ...)).model_json_schema()


def test_a_class_yields_one_kind_per_property() -> None:
    kinds = {prop.name: prop.kind for prop in answer_schema(Report.model_json_schema()).properties}
    names = {name: kind.name for name, kind in kinds.items()}
    assert names == {
        "day": "date",
        "moment": "timestamp",
        "tickets": "list",
        "counts": "map",
        "nested": "struct",
        "mixed": "number",
    }
    assert kinds["nested"].is_nullable
    item = kinds["tickets"].item
    assert item is not None
    assert [prop.is_required for prop in item.properties] == [True, True, False, True]


def test_quoted_columns_are_listed_once() -> None:
    assert answer_schema(Report.model_json_schema()).quoted_columns == ("body",)


def test_canonical_json_has_no_references_and_is_closed() -> None:
    text = answer_schema(Report.model_json_schema()).canonical_json
    assert b"$" not in text
    assert text.count(b'"additionalProperties":false') == 3


def test_order_of_keywords_does_not_matter() -> None:
    one: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 1}},
    }
    two: dict[str, Any] = {
        "properties": {"a": {"minLength": 1, "type": "string"}},
        "type": "object",
    }
    assert answer_schema(one).canonical_json == answer_schema(two).canonical_json


def test_order_of_properties_matters() -> None:
    names = [list(answer_schema(of_names(*names)).value["properties"]) for names in ("ab", "ba")]  # type: ignore[arg-type]
    assert names == [["a", "b"], ["b", "a"]]


def of_names(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def test_a_canonical_schema_is_its_own_canonical_form() -> None:
    schema = answer_schema(Report.model_json_schema())
    assert answer_schema(json.loads(schema.canonical_json)) == schema


@pytest.mark.parametrize(
    ("schema", "place", "reason"),
    [
        (of_class(int | str), "$.a", "integer or string"),
        (of_class(Decimal), "$.a", "number or string"),
        (of_class(Any), "$.a", "any type"),
        (of_class(dict), "$.a.*", "any type"),
        (of_class(tuple[int, str]), "$.a", "'prefixItems'"),
        (of_class(None), "$.a", "only be null"),
        (of_class(Ticket | Report), "$.a", "several objects"),
        (of_class(Empty), "$.a", "without properties"),
        (Empty.model_json_schema(), "the schema", "without properties"),
        (Tree.model_json_schema(), "$.children[]", "recursive"),
        (Open.model_json_schema(), "the schema", "additionalProperties"),
        ({"type": "string"}, "the schema", "object"),
        (
            {"type": ["object", "null"], "properties": {"a": {"type": "string"}}},
            "the schema",
            "object",
        ),
        (of_property(type=["string", "integer"]), "$.a", "integer or string"),
        (of_property(type="text"), "$.a", "'text'"),
        (of_property(enum=["a", 1]), "$.a", "integer or string"),
        (of_property(const=[1]), "$.a", "fixed value"),
        (of_property(type="array"), "$.a[]", "any type"),
        (of_property(type="string", **{"not": {"const": "x"}}), "$.a", "'not'"),
        (of_property(allOf=[{"type": "string"}, {"minLength": 1}]), "$.a", "allOf"),
        (of_property(type="integer", quote_of="body"), "$.a", "quote_of"),
        (of_property(type="string", quote_of=""), "$.a", "quote_of"),
        (of_property(type="string", default=float("nan")), "$.a", "NaN"),
        (of_property(type="number", maximum=10**400), "$.a", "integer above 2^63"),
        (of_property(type="integer", minimum=5, maximum=4), "$.a", "minimum above its maximum"),
        (of_property(type="string", minLength=2, maxLength=1), "$.a", "no answer is valid"),
        (of_property(type="integer", enum=["a", 1.5, None]), "$.a", "no fixed value of its type"),
        (of_property(type="string", const=1), "$.a", "no fixed value of its type string"),
        (of_property(type="string", default=date(2026, 1, 1)), "$.a", "date"),
        (of_property(type="string", description="\ud800"), "$.a", "surrogate"),
        (of_property(type="string", minLength=-1), "not a valid", "minimum of 0"),
        (of_property(type="string", pattern="("), "not a valid", "regex"),
        (of_property(**{"$ref": "#/$defs/Missing"}), "$.a", "does not have"),
        (of_names("a", "A"), "the schema", "case"),
        (of_names(" "), "the schema", "named ' '"),
        (of_names("a\0"), "the schema", "named 'a\\x00'"),
        (of_names("\ud800"), "the schema", "named '\\ud800'"),
        (of_names(*map(str, range(501))), "the schema", "500"),
        ({**of_names("a"), "required": ["b"]}, "the schema", "requires"),
        ({"type": "object", "properties": {1: {"type": "string"}}}, "the schema", "named 1"),
        ({"type": "object", "properties": {"a": []}}, "$.a", "not a schema"),
    ],
)
def test_a_schema_that_no_column_holds_is_refused(
    schema: dict[str, Any], place: str, reason: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        answer_schema(schema)
    assert place in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a.b", "a b", "x" * 300, "Ünïcode", "'\"`", "$", "properties", "$ref"]
)
def test_an_unusual_name_is_accepted(name: str) -> None:
    assert answer_schema(of_names(name)).properties[0].name == name


@pytest.mark.parametrize(
    "schema",
    [
        of_class(Annotated[float, Field(ge=-1e308, le=1e300)]),
        of_property(type="integer", minimum=-(2**63), maximum=2**63 - 1),
        of_property(type="integer", minimum=3, maximum=3, enum=["a", 3.0]),
        of_property(type="number", enum=[1]),
        of_property(type=["string", "null"], enum=["a", None, 1]),
        of_property(type="array", items={"type": "string"}, enum=[["a"]]),
    ],
)
def test_an_unusual_bound_or_fixed_value_is_accepted(schema: dict[str, Any]) -> None:
    assert json.loads(answer_schema(schema).canonical_json)["properties"]["a"]


def test_500_properties_are_accepted() -> None:
    assert len(answer_schema(of_names(*map(str, range(500)))).properties) == 500
