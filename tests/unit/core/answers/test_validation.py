from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from airflow_provider_aimlapi.core.answers.faults import Fault, Invalid, Valid
from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.typed_completions import (
    as_typed_answer,
    as_untyped_answer,
)
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.completion import Completion

CELLS = {"body": "My parcel\n is bro\u0301ken, and I want 5 USD."}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "topic": {"enum": ["billing", "delivery"]},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "refund": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "day": {"type": "string", "format": "date"},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "scores": {"type": "object", "additionalProperties": {"type": "integer"}},
        "quote": {"anyOf": [{"type": "string"}, {"type": "null"}], "quote_of": "body"},
        "quotes": {"type": "array", "items": {"type": "string"}, "quote_of": "body"},
    },
    "required": ["topic", "urgency"],
}
VALIDATOR = AnswerValidator(answer_schema(SCHEMA))
LEAST = {"topic": "billing", "urgency": 3}


def check(answer: object, **further: Any) -> Valid | Invalid:
    text = answer if isinstance(answer, str) or answer is None else json.dumps(answer | further)  # type: ignore[operator]
    return VALIDATOR.check_answer(text, CELLS)


def value_of(result: Valid | Invalid) -> dict[str, Any]:
    assert isinstance(result, Valid), result
    value: dict[str, Any] = json.loads(result.text)
    return value


def fault_of(result: Valid | Invalid) -> Invalid:
    assert isinstance(result, Invalid), result
    return result


@pytest.mark.parametrize(
    "text",
    [
        '{"topic": "billing", "urgency": 3}',
        '  {"topic":"billing","urgency":3}\n',
        '\ufeff{"topic":"billing","urgency":3}',
        '```json\n{"topic": "billing", "urgency": 3}\n```',
        'Here it is:\n```\n{"topic": "billing", "urgency": 3}\n```\nAnything {else}?',
        'I think {topic} fits: {"topic": "billing", "urgency": 3}. Good luck!',
        '{"topic": "billing", "urgency": 3}\n\nTell me if you need more.',
        '{"topic": "billing", "urgency": 3}\n```',
        '"{\\"topic\\": \\"billing\\", \\"urgency\\": 3}"',
        '{"urgency": 3.0, "topic": "billing"}',
        '{"urgency": 3, "topic": "bill\\u0069ng"}',
    ],
)
def test_an_answer_is_read_leniently(text: str) -> None:
    result = check(text)
    assert isinstance(result, Valid)
    assert result.text == '{"topic":"billing","urgency":3,"refund":null,"at":null,"quote":null}'


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        (None, "is missing, because the answer is empty"),
        ("", "is missing, because the answer is empty"),
        ("I cannot answer.", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        ('[{"topic": "billing", "urgency": 3}]', "is not a JSON object"),
        ('```json\n[{"topic": "billing", "urgency": 3}]\n```', "is not a JSON object"),
        ('{"topic": "billing", "urgency": 3} {', "is not JSON"),
        ('Here: {"answer": {"topic": "billing", "urgency": 3},}', "is not JSON"),
        ('{"answer": {"topic": "billing", "urgency": 3},}', "is not JSON"),
        ('{"topic": "billing", "urgency": 3,}', "is not JSON"),
        ('{"topic": "billing", "urgency": NaN}', "is not JSON"),
        ('{"topic": "billing", "urgency": 1e999}', "is not JSON"),
        ('{"topic": "billing", "urg', "is not JSON"),
        ('{"topic": "\\ud800", "urgency": 3}', "is not JSON"),
        (
            '{"topic": "billing", "urgency": 3} or {"topic": "delivery", "urgency": 3}',
            "is not JSON",
        ),
        ('Either {"topic": "billing"} or {"topic": "delivery"}', "is more than one JSON object"),
        ('{"topic": "billing", "urgency": 3, "urgency": 3}', "has a name twice"),
        ('{"topic": "billing", "\\u0074opic": "billing", "urgency": 3}', "has a name twice"),
        ('{"a":' * 100_000, "is nested too deeply"),
        ("[" * 100_000, "is not a JSON object"),
        ('{"topic": "billing", "urgency": 3, "tags": ' + "[" * 900 + "]" * 900 + "}", None),
        ('{"topic": "billing", "urgency": ' + "9" * 5_000 + "}", "is not JSON"),
    ],
)
def test_a_text_that_is_no_object_is_invalid(text: str | None, expectation: str | None) -> None:
    found = fault_of(check(text))
    assert found.broken_rule == expectation or expectation is None


@pytest.mark.parametrize(
    ("further", "shown"),
    [
        ({"topic": "Billing"}, '$.topic is not one of "billing", "delivery"'),
        ({"urgency": "3"}, '$.urgency is not of type "integer"'),
        ({"urgency": 3.5}, '$.urgency is not of type "integer"'),
        ({"urgency": True}, '$.urgency is not of type "integer"'),
        ({"urgency": 7}, "$.urgency is greater than 5"),
        ({"refund": "5"}, '$.refund is not of type "number"'),
        ({"scores": {"a": float(2**53)}}, "$.scores.* is not an integer that 64 bits hold"),
        ({"refund": 2**53 + 1}, "$.refund has more digits than a double holds"),
        ({"refund": 10**400}, "$.refund has more digits than a double holds"),
        ({"day": "2026-02-30"}, '$.day does not have the format "date"'),
        ({"day": "0000-01-01"}, "$.day is not a date such as 2026-01-31"),
        ({"at": "2026-01-31 08:00"}, '$.at does not have the format "date-time"'),
        ({"at": "2016-12-31T23:59:60Z"}, None),
        ({"at": "2026-01-31T08:00:00.123456789Z"}, None),
        ({"at": "0001-01-01T00:00:00+14:00"}, None),
        ({"tags": ["a", 5]}, '$.tags[1] is not of type "string"'),
        ({"tags": None}, '$.tags is not of type "array"'),
        ({"scores": {"secret": 2**63}}, "$.scores.* is beyond 64 bits"),
        ({"scores": {"secret": 1e300}}, "$.scores.* is not an integer that 64 bits hold"),
        ({"secret": 1}, "$ has a property that the schema does not have"),
        ({"quote": "my parcel"}, "$.quote does not occur in column 'body'"),
        ({"quote": " "}, "$.quote is an empty quote of column 'body'"),
        ({"quotes": ["My parcel", "secret"]}, "$.quotes[1] does not occur in column 'body'"),
    ],
)
def test_a_value_that_does_not_fit_is_invalid(further: dict[str, Any], shown: str | None) -> None:
    found = fault_of(check(LEAST, **further))
    assert found.shown_fault == shown or (shown is None and "is not a moment" in found.shown_fault)
    assert "secret" not in found.shown_fault


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("refund", 5, 5.0),
        ("refund", 2**60, float(2**60)),
        ("scores", {"a": 2.0}, {"a": 2}),
        ("scores", {"a": -(2**63)}, {"a": -(2**63)}),
        ("at", "2026-01-31T08:00:00+02:00", "2026-01-31T06:00:00Z"),
        ("at", "2026-01-31t08:00:00.5000000z", "2026-01-31T08:00:00.500000Z"),
        ("day", "2024-02-29", "2024-02-29"),
        ("quote", "is br\u00f3ken", "is br\u00f3ken"),
        ("quote", "parcel is", "parcel is"),
        ("quotes", [], []),
        ("tags", ["\0", "\U0001f40d", '"'], ["\0", "\U0001f40d", '"']),
    ],
)
def test_a_value_that_fits_is_kept(name: str, given: object, kept: object) -> None:
    assert value_of(check(LEAST, **{name: given}))[name] == kept


def test_the_full_text_has_values_and_all_faults() -> None:
    found = fault_of(check({"topic": "billing", "urgency": 7, "refund": "5"}))
    assert found.in_full == '$.urgency: 7 is greater than 5; $.refund: "5" is not of type "number"'
    assert (found.fault_path, found.broken_rule, found.faulty_value) == (
        "$.urgency",
        "is greater than 5",
        "7",
    )


def test_a_class_check_runs_last_and_decides() -> None:
    seen: list[str] = []

    def refuse(text: str) -> Fault:
        seen.append(text)
        return Fault("$.topic", "is refused by the class")

    validator = AnswerValidator(answer_schema(SCHEMA), refuse)
    assert validator.runs_user_code
    assert isinstance(validator.check_answer('{"topic": 1}', CELLS), Invalid)
    assert seen == []
    found = fault_of(validator.check_answer(json.dumps(LEAST), CELLS))
    assert found.shown_fault == "$.topic is refused by the class"
    assert len(seen) == 1


def test_quotes_are_not_checked_twice() -> None:
    text = json.dumps(LEAST | {"quote": "not there"})
    assert isinstance(VALIDATOR.check_answer(text, None), Valid)
    assert isinstance(VALIDATOR.check_answer(text, CELLS), Invalid)


@pytest.mark.parametrize(
    ("text", "is_storable"),
    [
        ('{"topic":"billing","urgency":3,"refund":null,"at":null,"quote":null}', True),
        ('{"topic":"any","urgency":9,"refund":1.5,"at":"2026-01-31T08:00:00Z","quote":"x"}', True),
        ('{"topic":"billing","urgency":3}', False),
        ('{"urgency":3,"topic":"billing","refund":null,"at":null,"quote":null}', False),
        ('{"topic":"billing","urgency":"3","refund":null,"at":null,"quote":null}', False),
        ('{"topic":"billing","urgency":3,"refund":null,"at":"2026","quote":null}', False),
        ("Sure.", False),
        ("", False),
        ("[" * 100_000, False),
        ('{"topic":"\\ud800"}', False),
    ],
)
def test_a_stored_text_must_fit_the_columns(text: str, is_storable: bool) -> None:
    assert VALIDATOR.is_storable(text) is is_storable


def test_a_completion_has_a_text_or_a_raw_text() -> None:
    given = Completion(text='{"topic": "billing", "urgency": 3}', status="ok", cost_nano_usd=5)
    valid = as_typed_answer(given, check(LEAST))
    assert (valid.status, valid.raw) == ("ok", None)
    assert valid.text == value_text(check(LEAST))
    bad = as_typed_answer(given, check(LEAST, urgency=9))
    assert (bad.status, bad.text, bad.raw) == ("invalid", None, given.text)
    assert (bad.error, bad.reason) == (
        "$.urgency: 9 is greater than 5",
        "$.urgency is greater than 5",
    )
    cut_off = as_untyped_answer(msgspec.structs.replace(given, status="truncated"))
    assert (cut_off.status, cut_off.text, cut_off.raw) == ("truncated", None, given.text)


def value_text(result: Valid | Invalid) -> str:
    assert isinstance(result, Valid)
    return result.text
