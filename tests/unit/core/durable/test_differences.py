"""Each ingredient of a run key that differs is stated with its old and its new value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_provider_aimlapi.core.durable.differences import describe_differences, rows_in_both
from airflow_provider_aimlapi.core.durable.ingredients import Ingredients, decode_ingredients

FILE = ["s3://b/in/a.parquet", "v1", 900, 50]
OTHER = ["s3://b/in/b.parquet", "v1", 800, 20]
MADE_OF: dict[str, Any] = {
    "inputs": [FILE],
    "columns": ["body"],
    "prompt": "Summarise {body}",
    "system": None,
    "examples": [],
    "origin": "https://api.example.com",
    "dialect": "anthropic",
    "parameters": {"model": "a/one", "max_tokens": 256},
    "output_column": "completion",
    "output_schema": None,
    "repairs": None,
    "on_truncated": "keep",
    "limit_rows": None,
}
TOOL = {"name": "find", "description": "d" * 200}


def ingredients(**changes: Any) -> Ingredients:
    return decode_ingredients(msgspec.json.encode(MADE_OF | changes), what="a run")


def parameters(**changes: Any) -> dict[str, Any]:
    return {"parameters": MADE_OF["parameters"] | changes}


CHANGED = "50 rows and 900 bytes of version v1 before, 51 rows and 901 bytes of version v2 now"


CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"origin": "http://127.0.0.1:8080"},
        'base URL: "https://api.example.com" before, "http://127.0.0.1:8080" now',
    ),
    (parameters(model="a/two"), 'model: "a/one" before, "a/two" now'),
    (parameters(max_tokens=512), "max_tokens: 256 before, 512 now"),
    (parameters(temperature=0.5), "temperature: not set before, 0.5 now"),
    (parameters(stop=["x"]), 'stop: not set before, ["x"] now'),
    ({"parameters": {"model": "a/one"}}, "max_tokens: 256 before, not set now"),
    (
        {"prompt": "Translate {body}"},
        'prompt: "Summarise {body}" before, "Translate {body}" now',
    ),
    ({"system": "Be brief."}, 'system: not set before, "Be brief." now'),
    (
        {"examples": [[{"body": "a"}, "b"]]},
        'examples: not set before, [[{"body": "a"}, "b"]] now',
    ),
    ({"added_later": True}, "added_later: not set before, true now"),
    ({"output_column": "text"}, 'output_column: "completion" before, "text" now'),
    ({"output_column": None}, 'output_column: "completion" before, not set now'),
    ({"output_schema": "{}"}, 'output_schema: not set before, "{}" now'),
    ({"repairs": 2}, "repairs: not set before, 2 now"),
    ({"on_truncated": "raise"}, 'on_truncated: "keep" before, "raise" now'),
    ({"limit_rows": 20}, "limit_rows: not set before, 20 now"),
    ({"dialect": "superset"}, 'dialect of the model: "anthropic" before, "superset" now'),
    ({"inputs": [FILE, OTHER]}, f"input: 1 file(s) added, the first is {OTHER[0]}"),
    ({"inputs": [OTHER]}, f"input: 1 file(s) no longer there, the first is {FILE[0]}"),
    (
        {"inputs": [[FILE[0], "v2", 901, 51]]},
        f"input: 1 file(s) changed, the first is {FILE[0]}, {CHANGED}",
    ),
]


@pytest.mark.parametrize(("changes", "clause"), CASES, ids=[next(iter(c)) for c, _ in CASES])
def test_each_ingredient_is_stated_with_both_values(changes: dict[str, Any], clause: str) -> None:
    assert clause in describe_differences(ingredients(), ingredients(**changes))


def test_equal_runs_do_not_differ() -> None:
    assert describe_differences(ingredients(), ingredients(columns=["other"])) == ()


def test_one_change_is_one_clause() -> None:
    """Nothing that stayed the same is named."""
    for changes, clause in CASES[:13]:
        assert describe_differences(ingredients(), ingredients(**changes)) == (clause,)


def test_integer_and_float_differ() -> None:
    before, now = (ingredients(**parameters(temperature=value)) for value in (1, 1.0))
    assert describe_differences(before, now) == ("temperature: 1 before, 1.0 now",)


def test_order_of_keys_does_not_differ() -> None:
    turned = dict(reversed(MADE_OF["parameters"].items()))
    assert describe_differences(ingredients(), ingredients(parameters=turned)) == ()


def test_long_prompt_is_shown_where_it_differs() -> None:
    before, now = (ingredients(prompt=f"{'a' * 500}{end}{'z' * 500}") for end in ("old", "new"))
    (clause,) = describe_differences(before, now)
    assert clause.startswith('prompt from character 501 on: "…old')
    assert '"…new' in clause
    assert len(clause) < 150


def test_prompt_that_begins_otherwise_is_shown_from_its_start() -> None:
    before, now = ingredients(prompt="A\nb" * 40), ingredients(prompt="Translate {body}")
    (clause,) = describe_differences(before, now)
    assert clause == (
        'prompt from character 1 on: "' + "A\\nb" * 10 + '…" before, "Translate {body}" now'
    )


def test_long_path_is_shown_by_its_end() -> None:
    added = f"s3://{'b' * 200}/in/new.parquet"
    (clause,) = describe_differences(ingredients(), ingredients(inputs=[FILE, [added, "v1", 1, 1]]))
    assert clause.endswith("b/in/new.parquet")
    assert len(clause) < 150


def test_long_value_is_shown_where_it_differs() -> None:
    before = ingredients(**parameters(tools=[TOOL]))
    now = ingredients(**parameters(tools=[{**TOOL, "description": f"{'d' * 199}!"}]))
    (clause,) = describe_differences(before, now)
    assert clause.startswith("tools from character ")
    assert "d! now" not in clause
    assert '"…!' in clause


def test_escape_and_many_parameters_stay_one_short_line() -> None:
    """A planted plan may hold any names and values."""
    planted = {f"\x1b[31m{number}\n": "\u202e" + "x" * 10_000 for number in range(100)}
    before = ingredients(parameters=planted, origin="https://a\x1b]8;;evil\x07")
    clauses = describe_differences(before, ingredients())
    text = "; ".join(clauses)
    assert text.isprintable()
    assert clauses[-1].startswith("and ")
    assert len(text) < 13 * 300


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({}, (50, True)),
        ({"limit_rows": 20}, (20, True)),
        ({"inputs": [FILE, OTHER]}, (50, False)),
        ({"inputs": [OTHER]}, (0, False)),
        ({"inputs": [[FILE[0], "v2", 901, 51]]}, (50, False)),
        ({"inputs": [["s3://b/moved/a.parquet", *FILE[1:]]]}, (50, False)),
        ({"inputs": [OTHER, FILE], "limit_rows": 30}, (10, False)),
    ],
)
def test_shared_rows_are_counted_by_file(changes: dict[str, Any], shared: tuple[int, bool]) -> None:
    assert rows_in_both(ingredients(), ingredients(**changes)) == shared
