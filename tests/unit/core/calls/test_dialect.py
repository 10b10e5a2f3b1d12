"""Which dialect an id speaks, by the table and by its spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.dialect import (
    DIALECTS,
    Dialect,
    assumption_about_model,
    model_of,
)

LISTED = {
    "superset": """
        claude-opus-4.8 claude-opus-4.8-fast claude-opus-4.7 claude-opus-4.7-fast claude-opus-4.6
        claude-opus-4.5 claude-opus-4.1 claude-haiku-4.5 claude-sonnet-4.5 claude-sonnet-4.6
        claude-opus-4 claude-sonnet-4 claude-3-haiku claude-fable-latest claude-haiku-latest
        claude-sonnet-latest claude-opus-latest
    """,
    "native classic": """
        claude-sonnet-4-6 claude-sonnet-4-6-20260218 claude-opus-4-6 claude-opus-4-5
        claude-opus-4-5-20251101 claude-sonnet-4-5 claude-sonnet-4-5-20250929 claude-haiku-4-5
        claude-haiku-4-5-20251001 claude-opus-4-1 claude-opus-4-1-20250805
        claude-opus-4.1-20250805 claude-opus-4-1-latest
    """,
    "native newer": "claude-opus-4-7 claude-opus-4-8 claude-sonnet-5 claude-opus-5 claude-fable-5",
    "5.5 family": """
        claude-sonnet-5-5 claude-opus-5-5 claude-fable-5-1 claude-haiku-5.5 claude-haiku-5-5
    """,
}
UNLISTED = {
    "superset": """
        claude-sonnet-5.1 claude-tiny-latest claude-next openai/gpt-4o google/gemini-2.5-pro
        openai/gpt-4-0613 claude-2 claude-sonnet-4.9-20270101 claude-haiku-4 deepseek-v3
    """,
    "native classic": """
        claude-3-5-haiku-20241022 claude-opus-4-20250514 claude-haiku-4-6 claude-3-haiku-20240307
    """,
    "native newer": """
        claude-sonnet-4-7 claude-opus-4-8-fast claude-opus-4-8-20260601 claude-haiku-5
        claude-sonnet-5-20260901
    """,
    "5.5 family": """
        claude-opus-5-1 claude-opus-6 claude-sonnet-6-20270101 claude-fable-10-2
        claude-sonnet-5-5-20261001
    """,
}


@pytest.mark.parametrize("prefix", ["", "anthropic/"])
@pytest.mark.parametrize(
    ("name", "model"), [(name, model) for name, ids in LISTED.items() for model in ids.split()]
)
def test_a_listed_id_speaks_its_dialect(name: str, model: str, prefix: str) -> None:
    assert model_of(prefix + model).dialect.name == name
    assert assumption_about_model(prefix + model) is None


@pytest.mark.parametrize(
    ("name", "model"), [(name, model) for name, ids in UNLISTED.items() for model in ids.split()]
)
def test_an_unlisted_id_speaks_what_its_spelling_says(name: str, model: str) -> None:
    assert model_of(model).dialect.name == name
    said = assumption_about_model(model) or ""
    assert model in said
    assert f"'{name}'" in said
    assert model_of(model).answer_tokens_max is None


@pytest.mark.parametrize(
    ("model", "temperature_max"),
    [
        ("claude-opus-4.6-fast", 2),
        ("claude-3.7-sonnet", 2),
        ("claude-tiny-latest", 2),
        ("openai/gpt-5.1", 2),
        ("claude-sonnet-4.7", None),
        ("claude-opus-4.10", None),
        ("claude-sonnet-5.0", None),
        ("claude-opus-5.5", None),
        ("anthropic/claude-sonnet-4.9-20270101", None),
    ],
)
def test_unlisted_dotted_ids_lose_sampling_from_4_7_on(
    model: str, temperature_max: float | None
) -> None:
    assert model_of(model).dialect.name == "superset"
    assert model_of(model).dialect.temperature_max == temperature_max


@pytest.mark.parametrize(
    "model", [one for ids in (*LISTED.values(), *UNLISTED.values()) for one in ids.split()]
)
@pytest.mark.parametrize("prefix", ["", "anthropic/"])
def test_capital_letters_change_no_dialect(prefix: str, model: str) -> None:
    known = model_of(model)
    assert model_of((prefix + model).upper()) == known
    assert model_of((prefix + model).title()) == known


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.example)
def test_the_example_of_a_dialect_speaks_it(dialect: Dialect) -> None:
    model = model_of(dialect.example)
    assert model.dialect is dialect
    assert model.is_listed


@given(
    st.text(max_size=60) | st.from_regex(r"(anthropic/)?claude-[a-z0-9.-]{1,30}", fullmatch=True)
)
def test_every_text_has_a_dialect(model: str) -> None:
    assert model_of(model).dialect in DIALECTS


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("anthropic/claude-sonnet-4-6-20260218", 1_024),
        ("claude-opus-4-8", 1_024),
        ("claude-haiku-4-5-20251001", 4_096),
        ("claude-opus-4.5", 4_096),
        ("claude-opus-4-6", 4_096),
        ("claude-opus-4.7-fast", 4_096),
        ("claude-opus-5", 512),
        ("claude-haiku-5.5", 512),
        ("claude-of-next-year", 1_024),
    ],
)
def test_the_shortest_cached_head_follows_the_model(model: str, least: int) -> None:
    assert model_of(model).head_tokens_min == least
