"""The published OpenAPI documents as JSON Schema, known mistakes mended. Knows no client of ours.

OpenAPI 3.0 is not quite JSON Schema: `nullable` stands where JSON Schema has a type "null". And the
documents contradict the vendor's own examples in four places, each mended by one function below
and each held to by a test, so that a corrected document is noticed.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

FOLDER = Path(__file__).parents[1] / "schemas"
SONNET_4_6 = "anthropic/claude-sonnet-4.6"
SONNET_LATEST = "anthropic/claude-sonnet-latest"
SONNET_4_6_DATED = "anthropic/claude-sonnet-4-6-20260218"
SONNET_5 = "anthropic/claude-sonnet-5"
DOCUMENTS = {
    SONNET_4_6: "chat-completions.claude-sonnet-4.6.json",
    SONNET_4_6_DATED: "chat-completions.claude-sonnet-4.6.json",
    SONNET_LATEST: "chat-completions.claude-sonnet-latest.json",
    SONNET_5: "chat-completions.claude-sonnet-latest.json",
}
"""The requests that they show are those of the native dialects, in which the second and the last id are
written today."""
ANTHROPIC_FINISH_REASONS = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal")
SCHEMAS_BY_NAME = ("properties", "patternProperties", "definitions")


def published_request(model: str) -> dict[str, Any]:
    """The request schema as published, word for word."""
    schema: dict[str, Any] = _operation(model)["requestBody"]["content"]["application/json"][
        "schema"
    ]
    return schema


def published_answer(model: str, content_type: str = "application/json") -> dict[str, Any]:
    """The schema of a 200 as published, word for word; of one chunk for an event stream."""
    schema: dict[str, Any] = _operation(model)["responses"]["200"]["content"][content_type][
        "schema"
    ]
    return schema


def request_validator(model: str) -> Draft7Validator:
    """Checks a request body; a field that the schema does not name is an error at any depth."""
    schema = deepcopy(published_request(model))
    if model in (SONNET_4_6, SONNET_4_6_DATED):
        _swap_tools_and_tool_choice(schema)
    if model == SONNET_5:
        schema["properties"]["model"]["enum"] = [SONNET_5]
    return Draft7Validator(json_schema(schema, is_strict=True))


def answer_schema(model: str) -> dict[str, Any]:
    """The mended schema of a JSON answer, still in OpenAPI's words: what answers are made from."""
    schema = deepcopy(published_answer(model))
    _add_anthropic_finish_reasons(schema)
    _allow_null_content(schema)
    _let_usd_spent_be_missing(schema)
    return schema


def answer_validator(model: str) -> Draft7Validator:
    """Checks a JSON answer; as in the API, more fields than the schema names are allowed."""
    return Draft7Validator(json_schema(answer_schema(model), is_strict=False))


def complaints(validator: Draft7Validator, instance: object) -> list[str]:
    """What is wrong with the instance, one line for each place; empty when it is valid."""
    return [
        f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(instance)
    ]


def json_schema(schema: Any, *, is_strict: bool) -> Any:
    """The same schema for a JSON Schema validator.

    Args:
        schema: an OpenAPI 3.0 schema object.
        is_strict: refuse properties that the schema does not name, unless it says otherwise.
    """
    if isinstance(schema, list):
        return [json_schema(part, is_strict=is_strict) for part in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {
        word: {name: json_schema(part, is_strict=is_strict) for name, part in value.items()}
        if word in SCHEMAS_BY_NAME
        else json_schema(value, is_strict=is_strict)
        for word, value in schema.items()
        if word not in ("nullable", "example")
    }
    if is_strict and "properties" in converted:
        converted.setdefault("additionalProperties", False)
    if schema.get("nullable") and converted:
        return {"anyOf": [{"type": "null"}, converted]}
    return converted


def _operation(model: str) -> dict[str, Any]:
    document = json.loads((FOLDER / DOCUMENTS[model]).read_text(encoding="utf-8"))
    operation: dict[str, Any] = document["paths"]["/v1/chat/completions"]["post"]
    return operation


def _swap_tools_and_tool_choice(schema: dict[str, Any]) -> None:
    """Sonnet 4.6's `tools` holds what a tool choice is, and its `tool_choice` what a tool is."""
    fields = schema["properties"]
    tool, choice = fields["tool_choice"], fields["tools"]["items"]
    fields["tools"], fields["tool_choice"] = {"type": "array", "items": tool}, choice


def _choice(schema: dict[str, Any]) -> dict[str, Any]:
    choice: dict[str, Any] = schema["properties"]["choices"]["items"]
    return choice


def _add_anthropic_finish_reasons(schema: dict[str, Any]) -> None:
    _choice(schema)["properties"]["finish_reason"]["enum"] += ANTHROPIC_FINISH_REASONS


def _allow_null_content(schema: dict[str, Any]) -> None:
    _choice(schema)["properties"]["message"]["properties"]["content"]["nullable"] = True


def _let_usd_spent_be_missing(schema: dict[str, Any]) -> None:
    schema["properties"]["meta"]["properties"]["usage"]["required"].remove("usd_spent")
