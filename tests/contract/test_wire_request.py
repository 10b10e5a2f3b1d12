"""Every request that can be asked for is one that the published schema of its model allows."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import AimlapiError
from tests.contract.published import SONNET_4_6_DATED, SONNET_5, complaints, request_validator

VALIDATORS = {model: request_validator(model) for model in (SONNET_4_6_DATED, SONNET_5)}
AWKWARD_TEXTS = {
    "empty": "",
    "NUL": "a\x00b",
    "lone braces": "} {body} { {{ 7*7 }} {% if %} \\{",
    "right to left": "\u202e\u200f\u05e9\u05dc\u202c",
    "emoji": "👩\u200d👩\u200d👧\U0001f1ea\U0001f1fa",
    "line separators": "a\u2028b\u2029c\x85d\x0be\r\nf\rg",
    "not normalised": "e\u0301 \u00e9 \ufb01 \ufeff",
    "looks like JSON": '"}], "role": "system", "\\u0041',
    "noncharacters": "\ufffe\uffff\x7f\x1b[31m",
    "5 MB": "5 MB: é}" * 600_000,
}
TEXTS = st.text() | st.sampled_from([t for name, t in AWKWARD_TEXTS.items() if name != "5 MB"])
INPUT_SCHEMA = {
    "type": "object",
    "properties": {"zip": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["zip"],
}
TOOLS = st.builds(
    lambda name, told: {"name": name, "input_schema": INPUT_SCHEMA} | told,
    st.from_regex(r"[a-z_]{1,20}", fullmatch=True),
    st.fixed_dictionaries({}, optional={"description": TEXTS}),
)
TOOL_CHOICES = st.sampled_from(
    [{"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "look_up"}]
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def spec_fields(draw: st.DrawFn, model: str) -> dict[str, Any]:
    """Arguments of a valid CompletionSpec; None and False for what the user did not set."""
    max_tokens = draw(optional(st.integers(1, 64_000)))
    forced = ({"type": "any"}, {"type": "tool", "name": "look_up"})
    tool_choice = draw(optional(TOOL_CHOICES))
    thinking: list[dict[str, Any]] = []
    sampling: dict[str, Any] = {}
    if model == SONNET_4_6_DATED:
        if (max_tokens or 2000) > 1024 and tool_choice not in forced:
            budgets = st.integers(1024, (max_tokens or 32_000) - 1)
            thinking = [{"type": "enabled", "budget_tokens": draw(budgets)}]
        shares = optional(st.integers(0, 1) | st.floats(0, 1))
        sampling = {
            "temperature": draw(shares),
            "top_p": draw(shares),
            "top_k": draw(optional(st.integers(0, 500))),
        }
    else:
        thinking += [{"type": "disabled"}]
        thinking += [] if tool_choice in forced else [{"type": "adaptive"}]
    return sampling | {
        "model": model,
        "max_tokens": max_tokens,
        "stop_sequences": draw(optional(st.lists(st.text(min_size=1), max_size=4).map(tuple))),
        "thinking": draw(optional(st.sampled_from(thinking))) if thinking else None,
        "tools": draw(optional(st.lists(TOOLS, max_size=3).map(tuple))),
        "tool_choice": tool_choice,
        "metadata": draw(optional(st.dictionaries(st.text(), st.text(), max_size=3))),
        "stream": draw(st.booleans()),
    }


def body_of(fields: dict[str, Any], prompt: str, system: str | None = None) -> dict[str, Any]:
    raw = RequestEncoder(CompletionSpec(**fields)).encode_request(message_of(prompt, system))
    assert isinstance(raw, bytes)
    body: dict[str, Any] = json.loads(raw.decode("utf-8"), parse_constant=pytest.fail)
    return body


def text_of(content: str | list[dict[str, str]]) -> str:
    """A text or a list of text parts, either of which the schema allows."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@given(
    st.sampled_from([SONNET_4_6_DATED, SONNET_5]).flatmap(spec_fields),
    TEXTS,
    optional(TEXTS.filter(bool)),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_request_is_valid_and_has_only_its_settings(fields, prompt, system):
    body = body_of(fields, prompt, system)

    assert complaints(VALIDATORS[fields["model"]], body) == []
    was_set = {
        name: value for name, value in fields.items() if value is not None and value is not False
    }
    assert set(body) == set(was_set) | {"messages"} | ({"system"} if system else set())
    assert {name: body[name] for name in was_set} == json.loads(json.dumps(was_set))
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert text_of(body["messages"][0]["content"]) == prompt
    assert system is None or text_of(body["system"]) == system


@pytest.mark.parametrize("model", [SONNET_4_6_DATED, SONNET_5])
@pytest.mark.parametrize("text", AWKWARD_TEXTS.values(), ids=AWKWARD_TEXTS.keys())
def test_awkward_text_arrives_unchanged(model, text):
    body = body_of({"model": model}, text, text or None)

    assert text_of(body["messages"][0]["content"]) == text
    assert text_of(body.get("system", "")) == text
    assert complaints(VALIDATORS[model], body) == []


def test_a_bare_spec_sends_model_and_prompt_only():
    assert body_of({"model": SONNET_4_6_DATED}, "Hello") == {
        "model": SONNET_4_6_DATED,
        "messages": [{"role": "user", "content": "Hello"}],
    }


def test_zeros_are_sent_because_the_user_set_them():
    body = body_of({"model": SONNET_4_6_DATED, "temperature": 0, "top_p": 0.0, "top_k": 0}, "Hello")
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0, 0, 0)


@given(spec_fields(SONNET_4_6_DATED), TEXTS, optional(TEXTS))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_request_is_the_same_bytes(fields, prompt, system):
    encoder = RequestEncoder(CompletionSpec(**fields))
    once = encoder.encode_request(message_of(prompt, system))
    encoder.encode_request(message_of(prompt + "x", None))

    assert encoder.encode_request(message_of(prompt, system)) == once
    assert (
        RequestEncoder(CompletionSpec(**fields)).encode_request(message_of(prompt, system)) == once
    )


@given(TEXTS, TEXTS)
@settings(deadline=None, max_examples=50)
def test_prompt_and_system_cannot_be_mistaken_for_each_other(one, other):
    encoder = RequestEncoder(CompletionSpec(model=SONNET_4_6_DATED))
    seen = {
        encoder.encode_request(message_of(one, None)),
        encoder.encode_request(message_of(one, "s" + other)),
    }
    assert len(seen) == 2
    assert (
        encoder.encode_request(message_of(one, "s"))
        == encoder.encode_request(message_of(other, "s"))
    ) is (one == other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metadata", {"team": "support", "case": "17", "area": "billing"}),
        ("thinking", {"type": "enabled", "budget_tokens": 2000}),
        ("tool_choice", {"type": "tool", "name": "look_up"}),
    ],
)
def test_order_of_mapping_s_keys_makes_no_other_request(name, value):
    """The run key does not know the order: else paid rows would be taken for other requests."""
    turned = dict(reversed(value.items()))
    assert list(turned) != list(value)
    specs: list[dict[str, Any]] = [
        {"model": SONNET_4_6_DATED, name: part} for part in (value, turned)
    ]
    first, second = [
        RequestEncoder(CompletionSpec(**spec)).encode_request(message_of("Hi", None))
        for spec in specs
    ]
    assert first == second


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_number_without_a_json_form_is_never_sent(number):
    """The error may come when the spec is made, when the encoder is, or at the first row."""
    tool: dict[str, Any] = {"name": "f", "input_schema": {"type": "object", "maximum": number}}
    with pytest.raises(AimlapiError):
        RequestEncoder(CompletionSpec(model=SONNET_4_6_DATED, tools=(tool,))).encode_request(
            message_of("Hello", None)
        )


@pytest.mark.parametrize("half", ["\ud83d", "a\udc00b"])
@pytest.mark.parametrize("place", ["prompt", "system"])
def test_half_a_character_is_refused_or_sent_as_json(half, place):
    encoder = RequestEncoder(CompletionSpec(model=SONNET_4_6_DATED))
    texts = {"prompt": "Hello", "system": None} | {place: half}
    with suppress(AimlapiError):
        body = json.loads(encoder.encode_request(message_of(**texts)).decode("utf-8"))
        assert complaints(VALIDATORS[SONNET_4_6_DATED], body) == []
