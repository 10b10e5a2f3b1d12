"""Two runs are compared by what their plans were made of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_aimlapi.core.durable.ingredients import Ingredients, decode_plan_ingredients
from airflow_provider_aimlapi.core.durable.plan import Plan, encode_plan
from airflow_provider_aimlapi.core.reuse.comparison import (
    ORIGIN,
    ROWS,
    first_difference,
    has_same_template,
    why_unusable,
)

RUN_KEY = "ab" * 16
MADE_OF: dict[str, Any] = {
    "inputs": [["file:///in/a.parquet", "1", 10, 3]],
    "columns": ["body"],
    "prompt": "Translate: {body}",
    "system": None,
    "examples": [],
    "on_truncated": "keep",
    "origin": "https://api.example",
    "dialect": "messages",
    "parameters": {"model": "claude", "max_tokens": 64, "temperature": 0.5},
    "output_column": "completion",
    "output_schema": None,
    "limit_rows": None,
}


def stored(**changes: Any) -> Ingredients:
    """Return the ingredients as another run reads them from the plan."""
    made_of = json.dumps(MADE_OF | changes).encode()
    data = encode_plan(Plan(run_key=RUN_KEY, shards=()), made_of)
    return decode_plan_ingredients(data, run_key=RUN_KEY)


NOW = stored()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"inputs": [], "limit_rows": 5},
        {"output_column": "summary"},
        {"on_truncated": "raise", "repairs": 2},
    ],
)
def test_run_with_the_same_requests_is_usable(changes: dict[str, Any]) -> None:
    earlier = stored(**changes)
    assert why_unusable(earlier, NOW) is None
    assert has_same_template(earlier, NOW)
    assert first_difference(earlier, NOW) == ROWS


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"origin": "http://localhost:1"}, ORIGIN),
        ({"parameters": {"model": "opus", "max_tokens": 1}}, "model"),
        ({"parameters": MADE_OF["parameters"] | {"max_tokens": 65}}, "max_tokens"),
        ({"parameters": MADE_OF["parameters"] | {"max_tokens": 64.0}}, "max_tokens"),
        ({"parameters": {"model": "claude", "max_tokens": 64}}, "temperature"),
        ({"parameters": MADE_OF["parameters"] | {"any text": 3}}, "a parameter"),
        ({"dialect": "chat"}, "model"),
        ({"output_schema": "{}"}, "output_schema"),
        ({"something new": 1}, "an ingredient of another version"),
    ],
)
def test_run_with_other_requests_is_unusable(changes: dict[str, Any], argument: str) -> None:
    earlier = stored(**changes)
    assert why_unusable(earlier, NOW) == argument
    assert first_difference(earlier, NOW) == argument


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"system": "Be brief.", "prompt": "Summarise: {body}"}, "system"),
        ({"prompt": "Summarise: {body}"}, "prompt"),
        ({"examples": [[{"body": "a"}, "b"]]}, "examples"),
    ],
)
def test_another_template_is_named_but_usable(changes: dict[str, Any], argument: str) -> None:
    earlier = stored(**changes)
    assert why_unusable(earlier, NOW) is None
    assert not has_same_template(earlier, NOW)
    assert first_difference(earlier, NOW) == argument


def test_host_differs_before_any_other_argument() -> None:
    earlier = stored(origin="http://localhost:1", system="Be brief.", parameters={"model": "x"})
    assert first_difference(earlier, NOW) == ORIGIN
