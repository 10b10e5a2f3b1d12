"""Hostile schemas and answers: nothing is fetched, nothing takes long, no text of an answer is shown."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.answers.faults import Invalid, Valid
from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.schema_validator import validator_of
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_aimlapi.core.calls.json_types import JsonObject

SECRET = "s3cr3t"
SECONDS_MAX = 2.0


class Server(HTTPServer):
    """Counts requests."""

    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/schema.json"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"type": "string"}')


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answering) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def referring(uri: str) -> dict[str, dict[str, Any]]:
    """Schemas that refer to a document, each in another place."""
    text = {"type": "string"}
    places: dict[str, dict[str, Any]] = {
        "a property": {"$ref": uri},
        "a dynamic reference": {"$dynamicRef": uri},
        "an item": {"type": "array", "items": {"$ref": uri}},
        "a map": {"type": "object", "additionalProperties": {"$ref": uri}},
        "a key": {"type": "object", "additionalProperties": text, "propertyNames": {"$ref": uri}},
        "an alternative": {"anyOf": [{"$ref": uri}, {"type": "null"}]},
        "a definition": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": uri}}},
        "a negation": {**text, "not": {"$ref": uri}},
        "a meta-schema": {**text, "$schema": uri},
        "an id": {**text, "$id": uri},
        "a default": {**text, "default": {"$ref": uri}},
        "a value": {"enum": ["a"], "examples": [{"$ref": uri}]},
        "an unknown keyword": {**text, "x-more": {"$ref": uri, "$id": uri}},
    }
    found = {
        name: {"type": "object", "properties": {"a": schema}, "$defs": schema.get("$defs", {})}
        for name, schema in places.items()
    }
    return {**found, "the whole": {"$ref": uri}, "the whole's id": {**found["an id"], "$id": uri}}


def test_no_schema_fetches_a_url(server: Server) -> None:
    for schema in referring(server.url).values():
        try:
            AnswerValidator(answer_schema(schema)).check_answer('{"a": "x"}', {})
        except InvalidSpec:
            continue
    assert server.requests == 0


def test_no_schema_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"const": "from the file"}')
    for schema in referring(path.as_uri()).values():
        try:
            validator = AnswerValidator(answer_schema(schema))
        except InvalidSpec:
            continue
        assert b"from the file" not in validator.schema.canonical_json
        assert validator.check_answer('{"a": "from the file"}', {}) is not None


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_the_validator_itself_fetches_nothing(server: Server, keyword: str) -> None:
    for uri in (server.url, "file:///etc/passwd"):
        with pytest.raises(InvalidSpec) as caught:
            validator_of({keyword: uri})
        assert "root:" not in str(caught.value)
    assert server.requests == 0


def doubled(levels: int) -> dict[str, Any]:
    """A schema whose references stand for 2 ** levels properties."""
    defs: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, levels):
        inner = {"$ref": f"#/$defs/d{level - 1}"}
        defs[f"d{level}"] = {"type": "object", "properties": {"a": inner, "b": inner}}
    return {"$defs": defs, "$ref": f"#/$defs/d{levels - 1}"}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


LARGE: dict[str, dict[str, Any]] = {
    "two to the 60": doubled(60),
    "two to the 20": doubled(20),
    "100,000 levels": nested(100_000),
    "100,000 levels of a value": {
        **nested(1),
        "default": json.loads("[" * 900 + "]" * 900),
    },
    "a million values": {"type": "object", "properties": {"a": {"enum": ["x" * 9] * 1_000_000}}},
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_schema_is_refused_quickly(name: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidSpec):
        answer_schema(LARGE[name])
    assert time.process_time() - started < SECONDS_MAX


@pytest.mark.parametrize(
    "pattern", [r"^(a+)+$", r"^(a|aa)+$", r"^(\w+\s?)*$", r"^(a+)+\1$", r"(?=(a+)+b)a*$"]
)
def test_a_regex_bomb_takes_little_time(pattern: str) -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": pattern}},
    }
    validator = AnswerValidator(answer_schema(schema))
    started = time.process_time()
    result = validator.check_answer(json.dumps({"a": "a" * 5_000 + "!"}), {})
    assert isinstance(result, Invalid)
    assert time.process_time() - started < SECONDS_MAX


HOSTILE = {
    "open braces": "{" * 100_000,
    "open braces and prose": "x{ " * 30_000,
    "open fences": "```json\n{" * 20_000,
    "open lists": "[" * 1_000_000,
    "deep objects": '{"a":' * 400 + "1" + "}" * 400,
    "digits": '{"a": ' + "1" * 100_000 + "}",
    "escapes": '{"a": "' + "\\u0022" * 100_000 + '"}',
    "a million keys": "{" + ",".join(f'"k{n}": 1' for n in range(200_000)) + "}",
    "half a pair": '{"a": "\\ud800"}',
    "a nul": '{"a\\u0000": 1}',
    "texts in texts": json.dumps(json.dumps(json.dumps("{}"))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_invalid_in_little_time(name: str) -> None:
    validator = AnswerValidator(answer_schema(nested(1) | {"required": ["a"]}))
    started = time.process_time()
    result = validator.check_answer(HOSTILE[name], {})
    assert time.process_time() - started < SECONDS_MAX
    if name == "escapes":
        assert isinstance(result, Valid)
    else:
        assert isinstance(result, Invalid)
        assert len(result.in_full) < 5_000


KEYS = st.sampled_from(["a", "b", "c", f"{SECRET} key"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([SECRET, f"{SECRET} x", "x", "2026-01-31", "2026-01-31T08:00:00Z", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TEXT = {"type": "string"}
PROPERTIES: list[dict[str, Any]] = [
    TEXT,
    {**TEXT, "minLength": 3, "maxLength": 5, "pattern": "^x"},
    {**TEXT, "format": "date"},
    {**TEXT, "format": "date-time"},
    {**TEXT, "quote_of": "body"},
    {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
    {"type": "number", "multipleOf": 0.5},
    {"type": ["boolean", "null"]},
    {"enum": ["x", "7"]},
    {"const": 7},
    {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
    {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 1},
    {"type": "object", "additionalProperties": TEXT, "propertyNames": {"pattern": "^x"}},
    {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]},
    {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]},
    {"oneOf": [{**TEXT, "const": "x"}, {**TEXT, "maxLength": 1}]},
]
SCHEMAS = st.fixed_dictionaries(
    {"a": st.sampled_from(PROPERTIES), "b": st.sampled_from(PROPERTIES)}
).map(lambda found: {"type": "object", "properties": found, "required": ["a"]})


@given(schema=SCHEMAS, value=st.dictionaries(KEYS, VALUES, max_size=3))
def test_an_invalid_answer_is_neither_accepted_nor_shown(
    schema: dict[str, Any], value: dict[str, Any]
) -> None:
    found = answer_schema(schema)
    result = AnswerValidator(found).check_answer(json.dumps(value), {"body": f"about {SECRET} x"})
    if isinstance(result, Invalid):
        assert SECRET not in result.shown_fault
        assert all(SECRET not in fault.path + fault.expectation for fault in result.faults)
        return
    # A second library judges both what was received and what the columns will hold.
    judge = jsonschema.Draft202012Validator(
        found.value, format_checker=jsonschema.FormatChecker(["date"])
    )
    judge.validate(value)
    judge.validate(json.loads(result.text))


@given(text=st.text())
def test_any_text_is_judged(text: str) -> None:
    validator = AnswerValidator(answer_schema(nested(1) | {"required": ["a"]}))
    assert isinstance(validator.check_answer(text, {}), Invalid)
    assert isinstance(validator.check_answer(json.dumps({"a": text}), {}), Valid)
