"""The published schemas of all endpoints except chat completions, as JSON Schema."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft7Validator

from tests.contract.published import FOLDER, json_schema


def answer_validator_of(document: str) -> Draft7Validator:
    """Return a validator for the 200 of the one operation in a published document."""
    operation = _operation(document)
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft7Validator(json_schema(schema, is_strict=False))


def request_validator_of(document: str) -> Draft7Validator:
    """Return a validator for the request body of the one operation in a published document."""
    schema = _operation(document)["requestBody"]["content"]["application/json"]["schema"]
    return Draft7Validator(json_schema(schema, is_strict=False))


def _operation(document: str) -> dict[str, Any]:
    paths = json.loads((FOLDER / document).read_text(encoding="utf-8"))["paths"]
    (path,) = paths.values()
    (operation,) = path.values()
    assert isinstance(operation, dict)
    return operation
