"""The top-level fields of each dialect as JSON Schemas, written from the API's description alone.

They know nothing of the provider's table. A field that is not named here is dropped by the gateway
in silence, so it is an error.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft7Validator

TEXT = {"type": "string"}
POSITIVE = {"type": "integer", "minimum": 1}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
FUNCTION_TOOL = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {"name": TEXT, "description": TEXT, "parameters": {"type": "object"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "required": ["type", "function"],
    "additionalProperties": False,
}
NAMED_FUNCTION = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {"type": "object", "properties": {"name": TEXT}, "required": ["name"]},
    },
    "required": ["type", "function"],
    "additionalProperties": False,
}
ANTHROPIC_TOOL = {
    "type": "object",
    "properties": {"name": TEXT, "description": TEXT, "input_schema": {"type": "object"}},
    "required": ["name", "input_schema"],
    "additionalProperties": False,
}


def anthropic_choice(*kinds: str) -> dict[str, Any]:
    """A `tool_choice` of Anthropic's form."""
    return {
        "type": "object",
        "properties": {
            "type": {"enum": list(kinds)},
            "name": TEXT,
            "disable_parallel_tool_use": {"type": "boolean"},
        },
        "required": ["type"],
        "additionalProperties": False,
    }


def thinking(*kinds: str) -> dict[str, Any]:
    """The field `thinking` with these kinds; only `enabled` has a budget, and must have it."""
    enabled = {
        "type": "object",
        "properties": {
            "type": {"const": "enabled"},
            "budget_tokens": {"type": "integer", "minimum": 1024},
        },
        "required": ["type", "budget_tokens"],
        "additionalProperties": False,
    }
    plain = {
        "type": "object",
        "properties": {"type": {"enum": [kind for kind in kinds if kind != "enabled"]}},
        "required": ["type"],
        "additionalProperties": False,
    }
    return {"anyOf": [plain, enabled] if "enabled" in kinds else [plain]}


def messages(*roles: str) -> dict[str, Any]:
    """Messages of these roles, the last of which is the user's."""
    return {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {"role": {"enum": list(roles)}, "content": TEXT},
            "required": ["role", "content"],
            "additionalProperties": False,
        },
    }


def closed(*required: str, **fields: Any) -> Draft7Validator:
    """A body with these fields and no other."""
    return Draft7Validator(
        {
            "type": "object",
            "properties": {"model": TEXT, "stream": {"type": "boolean"}, **fields},
            "required": ["model", "messages", *required],
            "additionalProperties": False,
        }
    )


SAMPLING: dict[str, Any] = {"top_p": SHARE, "top_k": {"type": "integer", "minimum": 0}}
SUPERSET_FIELDS: dict[str, Any] = {
    "messages": messages("system", "developer", "user", "assistant"),
    "max_tokens": POSITIVE,
    "stop": {"type": "array", "items": TEXT},
    "reasoning_effort": {"enum": ["none", "low", "medium", "high"]},
    "reasoning": {
        "type": "object",
        "properties": {
            "effort": {"enum": ["none", "low", "medium", "high"]},
            "max_tokens": POSITIVE,
            "exclude": {"type": "boolean"},
        },
        "additionalProperties": False,
    },
    "response_format": {"type": "object"},
    "tools": {"type": "array", "items": FUNCTION_TOOL},
    "tool_choice": {"anyOf": [{"enum": ["auto", "none", "required"]}, NAMED_FUNCTION]},
}
NATIVE_FIELDS: dict[str, Any] = {
    "messages": messages("user", "assistant", "system"),
    "system": TEXT,
    "stop_sequences": {"type": "array", "items": TEXT},
    "metadata": {"type": "object", "additionalProperties": TEXT},
    "tools": {"type": "array", "items": {"anyOf": [ANTHROPIC_TOOL, FUNCTION_TOOL]}},
    "tool_choice": {
        "anyOf": [
            anthropic_choice("auto", "any", "none", "tool"),
            {"enum": ["auto", "none", "required"]},
            NAMED_FUNCTION,
        ]
    },
}


def most(tokens: int) -> dict[str, Any]:
    """The field `max_tokens` of a model whose answers have at most that many."""
    return {"max_tokens": POSITIVE | {"maximum": tokens}}


CLASSIC_FIELDS: dict[str, Any] = NATIVE_FIELDS | SAMPLING | {"temperature": SHARE} | most(64_000)

SCHEMAS: dict[str, Draft7Validator] = {
    "anthropic/claude-sonnet-4.6": closed(
        **SUPERSET_FIELDS,
        **SAMPLING,
        temperature={"type": "number", "minimum": 0, "maximum": 2},
    ),
    "anthropic/claude-opus-4.8": closed(**SUPERSET_FIELDS),
    "anthropic/claude-sonnet-4-6-20260218": closed(
        **CLASSIC_FIELDS, thinking=thinking("enabled", "disabled", "adaptive")
    ),
    "anthropic/claude-haiku-4-5": closed(
        **CLASSIC_FIELDS, thinking=thinking("enabled", "disabled")
    ),
    "anthropic/claude-sonnet-5": closed(
        **NATIVE_FIELDS, **most(128_000), thinking=thinking("adaptive", "disabled")
    ),
    "anthropic/claude-sonnet-5-5": closed(
        **NATIVE_FIELDS
        | most(128_000)
        | {
            "thinking": thinking("adaptive"),
            "reasoning_effort": {"enum": ["none", "low", "medium", "high", "xhigh", "max"]},
            "tool_choice": {
                "anyOf": [anthropic_choice("auto", "none"), {"enum": ["auto", "none"]}]
            },
        }
    ),
}
"""By one id of each dialect. Two of them are spoken by models that refuse a part of it."""
