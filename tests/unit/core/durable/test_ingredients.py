"""What a stored plan says about its key is decoded within limits, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.core.durable.ingredients import (
    VALUES_BYTES_MAX,
    decode_plan_ingredients,
)
from airflow_provider_aimlapi.errors import JournalUnreadable
from tests.unit.core.durable.test_differences import MADE_OF

KEY = "0123456789abcdef" * 2


def plan(**changes: Any) -> bytes:
    stored = {"run_key": KEY, "made_of": MADE_OF | changes, "shards": []}
    return json.dumps(stored).encode()


def test_ingredients_of_a_plan_are_read_back() -> None:
    found = decode_plan_ingredients(plan(), run_key=KEY)
    assert found.inputs[0].rows == 50
    assert found.parameters == MADE_OF["parameters"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        plan().replace(KEY.encode(), b"f" * 32),
        plan(inputs=[["MARKER", "v", -1, 1]]),
        plan(inputs=[1] * 1000),
        plan(inputs="MARKER"),
        plan(parameters=["MARKER"]),
        plan(parameters={"tools": "MARKER" * (VALUES_BYTES_MAX // 6)}),
        plan(examples=["MARKER"] * (VALUES_BYTES_MAX // 8)),
        plan(**{f"MARKER{number}": 1 for number in range(200_000)}),
        b"[" * 5_000_000,
    ],
)
def test_bad_plan_is_refused_without_a_quote(data: bytes) -> None:
    with pytest.raises(JournalUnreadable) as caught:
        decode_plan_ingredients(data, run_key=KEY)
    assert "MARKER" not in str(caught.value)


def test_deep_parameters_are_refused() -> None:
    nested = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    data = plan(parameters="HERE").replace(b'"HERE"', nested)
    with pytest.raises(JournalUnreadable):
        decode_plan_ingredients(data, run_key=KEY)


def test_many_files_do_not_count_as_values() -> None:
    """A large input must not keep its run from being compared."""
    inputs = [[f"s3://b/in/{number:050d}.parquet", "v", 1, 1] for number in range(30_000)]
    data = plan(inputs=inputs)
    assert len(data) > VALUES_BYTES_MAX
    assert len(decode_plan_ingredients(data, run_key=KEY).inputs) == 30_000
