"""Every form of a request for a typed answer, with every combination of arguments: valid, or not sent.

What the API refuses stands here as rules of its own. The provider's table is not read.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.answer_form import AnswerForm, forms_of
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import InvalidSpec
from tests.contract.dialects import SCHEMAS
from tests.contract.published import complaints
from tests.contract.test_dialects import FAMILY_5_5, NEWER, OPERATOR, SUPERSET

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_TEXT = '{"type":"object","properties":{"zip":{"type":"string"},"a":{"type":"integer"}}}'
SCHEMA = SCHEMA_TEXT.encode()


def combinations(model: str) -> Iterator[tuple[CompletionSpec, str | None]]:
    """Yield all specs that the dialect can express, without and with a system text."""
    for values in product(*([value for value, _ in meanings] for meanings in OPERATOR.values())):
        arguments: dict[str, Any] = dict(zip(OPERATOR, values, strict=True))
        try:
            spec = CompletionSpec(model=model, **arguments)
        except InvalidSpec:
            continue
        yield spec, None
        yield spec, "Be brief."


def written(spec: CompletionSpec, system: str | None, form: AnswerForm) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        RequestEncoder(spec, form=form).encode_request(message_of("Hello", system))
    )
    return body


def system_text(body: dict[str, Any]) -> str:
    first: dict[str, str] = body["messages"][0]
    text: str = body.get("system", "") or (first["content"] if first["role"] == "system" else "")
    return text


def refusal(model: str, body: dict[str, Any]) -> str | None:
    """Why the API would refuse a body that has valid fields; None if it would not."""
    is_forced = body.get("tool_choice", {}).get("type") == "tool"
    thinking = body.get("thinking", {}).get("type")
    thinks = thinking in ("enabled", "adaptive") or (model in NEWER and thinking is None)
    if is_forced and (model in FAMILY_5_5 or thinks):
        return "a forced tool"
    if "response_format" in body and model not in SUPERSET:
        return "response_format"
    return None


@pytest.mark.parametrize("model", SCHEMAS)
def test_every_form_of_every_combination_is_accepted(model: str) -> None:
    count = 0
    for spec, system in combinations(model):
        forms = forms_of(spec, SCHEMA)
        assert forms[-1].name == "instructed JSON"
        for form in forms:
            body = written(spec, system, form)
            assert SCHEMAS[model].is_valid(body), complaints(SCHEMAS[model], body)
            assert refusal(model, body) is None
            count += 1
    assert count >= 40
    print(f"{model}: {count} requests")  # noqa: T201


@pytest.mark.parametrize("model", SCHEMAS)
def test_every_form_holds_the_schema_once(model: str) -> None:
    """Its properties stay in their order, because a model answers in that order."""
    for spec, system in combinations(model):
        for form in forms_of(spec, SCHEMA):
            raw = (
                RequestEncoder(spec, form=form).encode_request(message_of("Hello", system)).decode()
            )
            times = raw.count(SCHEMA_TEXT) + raw.count(json.dumps(SCHEMA_TEXT)[1:-1])
            assert times == 1
            body = json.loads(raw)
            is_instructed = form.name == "instructed JSON"
            assert (SCHEMA_TEXT in system_text(body)) is is_instructed
            assert system is None or system_text(body).startswith(system)


@pytest.mark.parametrize(
    ("model", "thinking", "names"),
    [
        ("anthropic/claude-sonnet-4-6", None, ("forced tool", "instructed JSON")),
        ("anthropic/claude-sonnet-4-6", {"type": "disabled"}, ("forced tool", "instructed JSON")),
        ("anthropic/claude-sonnet-4-6", {"type": "adaptive"}, ("instructed JSON",)),
        ("anthropic/claude-sonnet-5", None, ("forced tool", "instructed JSON")),
        ("anthropic/claude-sonnet-5", {"type": "adaptive"}, ("instructed JSON",)),
        ("anthropic/claude-opus-5-5", None, ("instructed JSON",)),
        ("anthropic/claude-haiku-5.5", {"effort": "low"}, ("instructed JSON",)),
        ("anthropic/claude-sonnet-4.6", None, ("response_format", "instructed JSON")),
        ("anthropic/claude-opus-latest", {"effort": "low"}, ("response_format", "instructed JSON")),
    ],
)
def test_dialect_and_thinking_decide_the_forms(
    model: str, thinking: Any, names: tuple[str, ...]
) -> None:
    spec = CompletionSpec(model=model, thinking=thinking)
    assert tuple(form.name for form in forms_of(spec, SCHEMA)) == names


def test_models_that_think_get_thinking_disabled() -> None:
    fields = {
        model: forms_of(CompletionSpec(model=model), SCHEMA)[0].fields.get("thinking")
        for model in ("claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-4.6")
    }
    assert fields == {
        "claude-sonnet-4-6": None,
        "claude-sonnet-5": {"type": "disabled"},
        "claude-sonnet-4.6": None,
    }


@pytest.mark.parametrize("own", [{"tools": ({},)}, {"tool_choice": {"type": "auto"}}])
def test_a_schema_excludes_tools(own: dict[str, Any]) -> None:
    spec = CompletionSpec(model="anthropic/claude-sonnet-4-6", **own)
    with pytest.raises(InvalidSpec, match="output_schema excludes tools"):
        forms_of(spec, SCHEMA)


def test_a_later_turn_ends_with_the_user() -> None:
    spec = CompletionSpec(model="anthropic/claude-sonnet-4-6", max_tokens=5)
    encoder = RequestEncoder(spec)
    body = json.loads(
        encoder.encode_request(message_of("Hello", "Be brief."), later=('{"a":1}', "Wrong."))
    )
    assert body["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": '{"a":1}'},
        {"role": "user", "content": "Wrong."},
    ]
    assert (
        json.loads(encoder.with_raised_limit(encoder.encode_request(message_of("Hello", None))))[
            "max_tokens"
        ]
        == 10
    )
