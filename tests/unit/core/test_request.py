from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.request import DEFAULT_MODEL, CompletionSpec
from airflow_provider_aimlapi.errors import InvalidSpec, SetupError

NEWER = [
    "anthropic/claude-sonnet-latest",
    "anthropic/claude-haiku-latest",
    "anthropic/claude-sonnet-5",
    "anthropic/claude-opus-5",
    "anthropic/claude-fable-5",
]
OLDER = [DEFAULT_MODEL, "anthropic/claude-sonnet-4.6"]
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
def test_what_is_no_model_id_is_refused_with_an_example(model):
    with pytest.raises(InvalidSpec, match=re.escape(DEFAULT_MODEL)):
        spec(model=model)


@pytest.mark.parametrize("model", NEWER)
@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_newer_models_know_no_sampling(model, name):
    with pytest.raises(InvalidSpec, match=name):
        spec(model=model, **{name: 1})
    with pytest.raises(InvalidSpec, match=name):
        spec(model=model, **{name: 0})


@pytest.mark.parametrize("model", NEWER)
@pytest.mark.parametrize("kind", ["disabled", "adaptive"])
def test_newer_models_know_more_kinds_of_thinking(model, kind):
    assert spec(model=model, thinking={"type": kind}).thinking == {"type": kind}


@pytest.mark.parametrize("model", OLDER)
@pytest.mark.parametrize("kind", ["disabled", "adaptive"])
def test_sonnet_4_6_knows_enabled_thinking_only(model, kind):
    with pytest.raises(InvalidSpec, match="enabled"):
        spec(model=model, thinking={"type": kind})


def test_a_model_that_nobody_published_may_know_anything():
    fields = {"temperature": 1, "thinking": {"type": "adaptive"}}
    assert spec(model="anthropic/claude-next", **fields).parameters() == {
        "model": "anthropic/claude-next",
        **fields,
    }


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
def test_the_edges_of_what_is_allowed_are_allowed_and_sent(fields):
    assert spec(**fields).parameters() == {"model": DEFAULT_MODEL} | fields


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0), st.integers(1))
def test_every_number_in_range_is_kept_as_it_is(temperature, top_p, top_k, max_tokens):
    fields = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens}
    assert spec(**fields).parameters() == {"model": DEFAULT_MODEL} | fields


@given(st.floats().filter(lambda number: not 0 <= number <= 1))
def test_every_number_out_of_range_is_refused(number):
    for name in ("temperature", "top_p"):
        with pytest.raises(InvalidSpec, match=name):
            spec(**{name: number})


@given(st.integers(1024, 10**6), st.integers(1, 10**6))
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
