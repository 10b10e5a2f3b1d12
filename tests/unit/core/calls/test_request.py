from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import InvalidSpec, SetupError

NEWER = ["anthropic/claude-sonnet-5", "anthropic/claude-opus-4-7", "anthropic/claude-opus-4.8"]
DOTTED = "anthropic/claude-sonnet-4.6"
NAN = float("nan")


def spec(**fields: Any) -> CompletionSpec:
    return CompletionSpec(**({"model": DEFAULT_MODEL} | fields))


def enabled(budget_tokens: object) -> dict[str, object]:
    return {"type": "enabled", "budget_tokens": budget_tokens}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"temperature": 2}, "temperature"),
        ({"temperature": 1.0001}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": NAN}, "temperature"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"top_p": -1}, "top_p"),
        ({"top_p": float("inf")}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": 10.0}, "max_tokens"),
        ({"max_tokens": "1024"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stop_sequences": ("END", "")}, "stop_sequences"),
        ({"stop_sequences": ("END", 1)}, "stop_sequences"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": 3}, "stop_sequences"),
        ({"metadata": {"tries": 3}}, "metadata"),
        ({"metadata": {3: "tries"}}, "metadata"),
        ({"metadata": "team"}, "metadata"),
        ({"thinking": enabled(1023)}, "budget_tokens"),
        ({"thinking": enabled(None)}, "budget_tokens"),
        ({"thinking": enabled(2000.5)}, "budget_tokens"),
        ({"thinking": enabled(True)}, "budget_tokens"),
        ({"thinking": {"type": "enabled"}}, "budget_tokens"),
        ({"thinking": enabled(4096), "max_tokens": 4096}, "max_tokens"),
        ({"thinking": enabled(5000), "max_tokens": 4096}, "max_tokens"),
        ({"thinking": {"type": "extended"}}, "thinking"),
        ({"thinking": {"budget_tokens": 2000}}, "thinking"),
        ({"thinking": {}}, "thinking"),
        ({"thinking": "enabled"}, "thinking"),
        ({"tools": ({"name": "f", "input_schema": {"maximum": NAN}},)}, "tools"),
        ({"tool_choice": {"type": "tool", "name": float("inf")}}, "tool_choice"),
    ],
)
def test_a_wrong_parameter_is_an_error_that_names_it(fields, named):
    with pytest.raises(InvalidSpec, match=named) as caught:
        spec(**fields)
    assert isinstance(caught.value, SetupError)


@pytest.mark.parametrize(
    "model",
    ["", " ", "claude sonnet", "/claude", f"{DEFAULT_MODEL}\n", "a\x00b", "x" * 300, None, 46, "é"],
)
def test_what_is_no_model_id_is_refused_with_example(model):
    with pytest.raises(InvalidSpec, match=re.escape(DEFAULT_MODEL)):
        spec(model=model)


@pytest.mark.parametrize("model", NEWER)
@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
@pytest.mark.parametrize("value", [0, 1])
def test_sampling_that_model_lacks_names_models_that_have_it(model, name, value):
    with pytest.raises(InvalidSpec, match=rf"{name}\..*{DEFAULT_MODEL}"):
        spec(model=model, **{name: value})


@pytest.mark.parametrize(
    ("model", "fields", "named"),
    [
        (DOTTED, {"thinking": {"type": "adaptive"}}, DEFAULT_MODEL),
        (DOTTED, {"metadata": {"team": "support"}}, DEFAULT_MODEL),
        (DOTTED, {"thinking": {"effort": "max"}}, "anthropic/claude-sonnet-5-5"),
        (DEFAULT_MODEL, {"thinking": {"effort": "low"}}, DOTTED),
        ("anthropic/claude-haiku-4-5", {"thinking": {"type": "adaptive"}}, DEFAULT_MODEL),
        ("anthropic/claude-sonnet-5", {"thinking": enabled(1024)}, DEFAULT_MODEL),
        ("anthropic/claude-sonnet-5-5", {"thinking": enabled(1024)}, DEFAULT_MODEL),
        ("anthropic/claude-haiku-5.5", {"tool_choice": {"type": "any"}}, DEFAULT_MODEL),
    ],
)
def test_missing_field_of_a_dialect_names_ids_with_it(model, fields, named):
    (name,) = fields
    with pytest.raises(InvalidSpec, match=rf"{model} does not take {name}.*{named}"):
        spec(model=model, **fields)


def test_an_effort_that_no_dialect_has_names_no_id():
    with pytest.raises(InvalidSpec, match="Leave it out, or change it"):
        spec(thinking={"effort": "extreme"})


def test_an_assumed_dialect_is_named_in_the_refusal():
    with pytest.raises(InvalidSpec, match="'superset'"):
        spec(model="anthropic/claude-next", thinking={"type": "adaptive"})


@pytest.mark.parametrize(
    ("model", "most"),
    [(DEFAULT_MODEL, 1), ("anthropic/claude-haiku-4-5", 1), (DOTTED, 2), ("openai/gpt-4o", 2)],
)
def test_the_dialect_bounds_the_temperature(model, most):
    assert spec(model=model, temperature=most).parameters()["temperature"] == most
    with pytest.raises(InvalidSpec, match=f"from 0 to {most}"):
        spec(model=model, temperature=most + 0.01)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (DEFAULT_MODEL, 64_000),
        ("claude-haiku-4-5-20251001", 64_000),
        (DOTTED, 64_000),
        ("anthropic/claude-opus-4.8-fast", 128_000),
        ("claude-sonnet-5-5", 128_000),
    ],
)
def test_more_than_longest_answer_is_refused_with_the_maximum(model, most):
    assert spec(model=model, max_tokens=most).max_tokens == most
    with pytest.raises(InvalidSpec, match=f"at most {most:,} tokens"):
        spec(model=model, max_tokens=most + 1)


def test_no_maximum_is_assumed_where_none_is_published():
    for model in ("anthropic/claude-sonnet-latest", "anthropic/claude-sonnet-4-9"):
        assert spec(model=model, max_tokens=1_000_000).max_tokens == 1_000_000


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "f"}, "required"])
def test_a_forced_tool_excludes_thinking(choice):
    for model, thinking in (
        (DEFAULT_MODEL, enabled(1024)),
        (DEFAULT_MODEL, {"type": "adaptive"}),
        (DOTTED, enabled(1024)),
        (DOTTED, {"effort": "low"}),
    ):
        with pytest.raises(InvalidSpec, match="tool_choice"):
            spec(model=model, thinking=thinking, tool_choice=choice)
    for model, thinking in (
        (DEFAULT_MODEL, {"type": "disabled"}),
        (DOTTED, {"type": "disabled"}),
        (DOTTED, {"effort": "none"}),
    ):
        assert spec(model=model, thinking=thinking, tool_choice=choice).tool_choice == choice


@pytest.mark.parametrize(
    "thinking",
    [
        enabled(2048) | {"display": "omitted"},
        {"type": "disabled", "effort": "low"},
        {"effort": "low", "exclude": True},
        {"type": ["enabled"]},
        {"type": None},
    ],
)
def test_keys_that_thinking_lacks_are_refused(thinking):
    with pytest.raises(InvalidSpec, match="give one of"):
        spec(thinking=thinking)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": ({"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}},)},
        {"tools": ({"type": "web_search_20250305", "name": "web_search"},)},
        {"tools": ("look_up",)},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {"tool_choice": {"type": "tool"}},
        {"tool_choice": {"type": {"a": 1}}},
    ],
)
def test_tool_beyond_a_function_is_not_translated(fields):
    (name,) = fields
    with pytest.raises(InvalidSpec, match=f"does not take {name}"):
        spec(model=DOTTED, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 1},
        {"top_p": 0.0},
        {"top_p": 1},
        {"top_k": 0},
        {"max_tokens": 1},
        {"thinking": enabled(1024)},
        {"thinking": enabled(1024), "max_tokens": 1025},
        {"stop_sequences": ("END",)},
        {"metadata": {}},
    ],
)
def test_edges_of_what_is_allowed_are_allowed_and_sent(fields):
    assert spec(**fields).parameters() == {"model": DEFAULT_MODEL} | fields


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0), st.integers(1, 64_000))
def test_every_number_in_range_is_kept_as_it_is(temperature, top_p, top_k, max_tokens):
    fields = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens}
    assert spec(**fields).parameters() == {"model": DEFAULT_MODEL} | fields


@given(st.floats().filter(lambda number: not 0 <= number <= 1))
def test_every_number_out_of_range_is_refused(number):
    for name in ("temperature", "top_p"):
        with pytest.raises(InvalidSpec, match=name):
            spec(**{name: number})


@given(st.integers(1024, 64_000), st.integers(1, 64_000))
def test_a_thinking_budget_fits_just_below_max_tokens(budget, max_tokens):
    if budget < max_tokens:
        assert spec(thinking=enabled(budget), max_tokens=max_tokens).max_tokens == max_tokens
        return
    with pytest.raises(InvalidSpec, match="budget_tokens"):
        spec(thinking=enabled(budget), max_tokens=max_tokens)


def test_nothing_is_sent_that_was_not_set():
    assert spec().parameters() == {"model": DEFAULT_MODEL}
    assert spec(stream=False).parameters() == {"model": DEFAULT_MODEL}
    assert spec(stream=True).parameters() == {"model": DEFAULT_MODEL, "stream": True}


def test_a_spec_cannot_change_once_it_was_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec().max_tokens = 0  # type: ignore[misc]
