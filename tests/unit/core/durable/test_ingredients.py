"""What a stored plan says about its key is decoded within limits, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.core.durable.ingredients import (
    VALUES_BYTES_MAX,
    decode_ingredients,
)
from airflow_provider_aimlapi.errors import JournalUnreadable
from tests.unit.core.durable.test_differences import MADE_OF

KEY = "0123456789abcdef" * 2


def plan(**changes: Any) -> bytes:
    stored = {"run_key": KEY, "made_of": MADE_OF | changes, "shards": []}
    return json.dumps(stored).encode()


def test_ingredients_of_a_plan_are_read_back() -> None:
    found = decode_ingredients(plan(), run_key=KEY)
    assert found.inputs[0].rows == 50
    assert found.fields() == MADE_OF["parameters"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        plan().replace(KEY.encode(), b"f" * 32),
        plan(inputs=[["MARKER", "v", -1, 1]]),
        plan(inputs=[1] * 1000),
        plan(inputs="MARKER"),
        plan(prompt=["MARKER"]),
        plan(limit_rows=2**80),
        plan(origin=None),
        b"[" * 5_000_000,
    ],
)
def test_bad_plan_is_refused_without_a_quote(data: bytes) -> None:
    with pytest.raises(JournalUnreadable) as caught:
        decode_ingredients(data, run_key=KEY)
    assert "MARKER" not in str(caught.value)


@pytest.mark.parametrize("parameters", [["MARKER"], {"tools": "MARKER" * (VALUES_BYTES_MAX // 6)}])
def test_bad_parameters_are_refused(parameters: Any) -> None:
    found = decode_ingredients(plan(parameters=parameters), run_key=KEY)
    with pytest.raises(JournalUnreadable) as caught:
        found.fields()
    assert "MARKER" not in str(caught.value)


@pytest.mark.parametrize("examples", ["MARKER", {"MARKER": 1}])
def test_bad_examples_are_refused(examples: Any) -> None:
    found = decode_ingredients(plan(examples=examples), run_key=KEY)
    with pytest.raises(JournalUnreadable) as caught:
        found.examples_list()
    assert "MARKER" not in str(caught.value)


def test_deep_parameters_are_refused() -> None:
    """They end in one error while the plan is decoded, or while its parameters are."""
    nested = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    data = plan(parameters="HERE").replace(b'"HERE"', nested)
    with pytest.raises(JournalUnreadable):
        decode_ingredients(data, run_key=KEY).fields()
