"""Every combination of arguments, for one id of each dialect: refused, or valid and whole.

What each argument becomes stands here as a table of its own. The provider's table is not read.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import InvalidSpec
from tests.contract.dialects import SCHEMAS
from tests.contract.published import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPERSET = frozenset({"anthropic/claude-sonnet-4.6", "anthropic/claude-opus-4.8"})
CLASSIC = frozenset({"anthropic/claude-sonnet-4-6-20260218", "anthropic/claude-haiku-4-5"})
NEWER = frozenset({"anthropic/claude-sonnet-5"})
FAMILY_5_5 = frozenset({"anthropic/claude-sonnet-5-5"})
NATIVE = CLASSIC | NEWER | FAMILY_5_5
ALL = SUPERSET | NATIVE
SAMPLED = CLASSIC | {"anthropic/claude-sonnet-4.6"}
SCHEMA = {"type": "object", "properties": {"zip": {"type": "string"}}}
TOOL = {"name": "look_up", "description": "Look it up.", "input_schema": SCHEMA}
FUNCTION = {
    "type": "function",
    "function": {"name": "look_up", "description": "Look it up.", "parameters": SCHEMA},
}
ENABLED = {"type": "enabled", "budget_tokens": 2048}
NAMED = {"type": "function", "function": {"name": "look_up"}}
Written = dict[str, Any]
Meaning = tuple[Any, list[tuple[frozenset[str], Written]]]
"""A value, and the fields that say it, for the ids that have such fields."""


def same(name: str, value: Any, ids: frozenset[str] = ALL) -> Meaning:
    return value, [(ids, {name: value})]


def choice(value: Any, superset: Any, native: frozenset[str] = NATIVE) -> Meaning:
    return value, [(SUPERSET, {"tool_choice": superset}), (native, {"tool_choice": value})]


NOT_SET: Meaning = (None, [(ALL, {})])
OPERATOR: dict[str, list[Meaning]] = {
    "max_tokens": [NOT_SET, same("max_tokens", 4096)],
    "temperature": [NOT_SET, same("temperature", 0.5, SAMPLED)],
    "top_p": [NOT_SET, same("top_p", 0.5, SAMPLED)],
    "top_k": [NOT_SET, same("top_k", 40, SAMPLED)],
    "stop_sequences": [
        NOT_SET,
        (("END",), [(SUPERSET, {"stop": ["END"]}), (NATIVE, {"stop_sequences": ["END"]})]),
    ],
    "thinking": [
        NOT_SET,
        (
            ENABLED,
            [(SUPERSET, {"reasoning": {"max_tokens": 2048}}), (CLASSIC, {"thinking": ENABLED})],
        ),
        (
            {"type": "disabled"},
            [
                (SUPERSET | FAMILY_5_5, {"reasoning_effort": "none"}),
                (CLASSIC | NEWER, {"thinking": {"type": "disabled"}}),
            ],
        ),
        same("thinking", {"type": "adaptive"}, NATIVE - {"anthropic/claude-haiku-4-5"}),
        ({"effort": "low"}, [(SUPERSET | FAMILY_5_5, {"reasoning_effort": "low"})]),
        ({"effort": "xhigh"}, [(FAMILY_5_5, {"reasoning_effort": "xhigh"})]),
    ],
}
HOOK: dict[str, list[Meaning]] = {
    "tools": [
        NOT_SET,
        ((TOOL,), [(SUPERSET, {"tools": [FUNCTION]}), (NATIVE, {"tools": [TOOL]})]),
        ((FUNCTION,), [(ALL, {"tools": [FUNCTION]})]),
    ],
    "tool_choice": [
        NOT_SET,
        choice({"type": "auto"}, "auto"),
        choice({"type": "none"}, "none"),
        choice({"type": "any"}, "required", CLASSIC | NEWER),
        choice({"type": "tool", "name": "look_up"}, NAMED, CLASSIC | NEWER),
        choice(NAMED, NAMED, CLASSIC | NEWER),
    ],
    "metadata": [NOT_SET, same("metadata", {"team": "support"}, NATIVE)],
    "stream": [(False, [(ALL, {})]), same("stream", True)],
}
SYSTEMS = (None, "Be brief.")
FORCING = ({"type": "any"}, {"type": "tool", "name": "look_up"}, NAMED)


def combinations(arguments: dict[str, list[Meaning]]) -> Iterator[dict[str, Meaning]]:
    for meanings in product(*arguments.values()):
        yield dict(zip(arguments, meanings, strict=True))


def expected(model: str, chosen: dict[str, Meaning], system: str | None) -> Written | None:
    """The whole body, or None where a part of it has no field, or two exclude each other."""
    is_off = chosen["thinking"][0] in (None, {"type": "disabled"})
    if not is_off and chosen.get("tool_choice", NOT_SET)[0] in FORCING:
        return None
    user = {"role": "user", "content": "Hello"}
    body: Written = {"model": model, "messages": [user]}
    for _, ways in chosen.values():
        written = next((fields for ids, fields in ways if model in ids), None)
        if written is None:
            return None
        body |= written
    if system is not None and model in SUPERSET:
        body["messages"] = [{"role": "system", "content": system}, user]
    elif system is not None:
        body["system"] = system
    return body


def sent(model: str, chosen: dict[str, Meaning], system: str | None) -> Written | None:
    arguments: dict[str, Any] = {name: value for name, (value, _) in chosen.items()}
    try:
        spec = CompletionSpec(model=model, **arguments)
    except InvalidSpec:
        return None
    body: Written = json.loads(RequestEncoder(spec).encode_request(message_of("Hello", system)))
    return body


def encode_all(model: str, arguments: dict[str, list[Meaning]]) -> tuple[int, int]:
    """Compare all combinations; return how many there are, and how many of them are sent."""
    validator = SCHEMAS[model]
    count = valid = 0
    for chosen in combinations(arguments):
        for system in SYSTEMS:
            body = sent(model, chosen, system)
            assert body == expected(model, chosen, system)
            assert body is None or validator.is_valid(body), complaints(validator, body)
            count += 1
            valid += body is not None
    return count, valid


@pytest.mark.parametrize("model", SCHEMAS)
def test_all_the_operator_s_arguments_are_sent_or_refused(model: str) -> None:
    count, valid = encode_all(model, OPERATOR)
    assert count == 384
    print(f"{model}: {count} combinations, {valid} sent and valid")  # noqa: T201


@pytest.mark.parametrize("model", SCHEMAS)
def test_the_hook_s_arguments_are_sent_or_refused(model: str) -> None:
    """Sampling as a whole; the attack has each of its three by itself."""
    arguments = {
        name: meanings
        for name, meanings in (OPERATOR | HOOK).items()
        if name not in ("top_p", "top_k")
    }
    count, valid = encode_all(model, arguments)
    assert count == 6_912
    print(f"{model}: {count} combinations, {valid} sent and valid")  # noqa: T201


@pytest.mark.attack
@pytest.mark.parametrize("model", SCHEMAS)
def test_every_combination_of_the_hook_s_arguments(model: str) -> None:
    count, valid = encode_all(model, OPERATOR | HOOK)
    assert count == 27_648
    print(f"{model}: {count} combinations, {valid} sent and valid")  # noqa: T201


@pytest.mark.parametrize("model", SCHEMAS)
def test_the_schemas_refuse_another_dialect_s_fields(model: str) -> None:
    """They would prove nothing if they let everything through."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    foreign: Written = (
        {"system": "x", "stop_sequences": ["x"]} if model in SUPERSET else {"stop": ["x"]}
    )
    for name, value in foreign.items():
        assert not SCHEMAS[model].is_valid(body | {name: value})
    assert SCHEMAS[model].is_valid(body)
