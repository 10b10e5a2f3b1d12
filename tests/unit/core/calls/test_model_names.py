"""Which names of models may be printed, and which one a mistyped one is nearest to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.model_names import is_model_id, nearest_model_id

IDS = (
    "anthropic/claude-sonnet-4-6-20260218",
    "anthropic/claude-sonnet-4.6",
    "claude-haiku-4-5-20251001",
    "claude-3-5-sonnet-20241022",
    "anthropic/claude-opus-4.8-fast",
    "claude-fable-latest",
    "claude-haiku-5.5",
)


@pytest.mark.parametrize("name", IDS)
def test_ids_of_claude_models_may_be_printed(name: str) -> None:
    assert is_model_id(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "claude sonnet",
        "Claude-Sonnet-5",
        "claude-sonnet-5\n",
        "claude-\u202esonnet",
        "claude-quizzaciously",
        "quizzaciously",
        "claude-555-123-4567",
        "claude-4111111111111111",
        "claude-20481516",
        "claude-1-2-3",
        "claude-20260218-20260219",
        "anthropic/claude/sonnet",
        "claude--sonnet",
        "https://example.com/claude",
        "claude-" * 20,
        "c" * 200,
    ],
)
def test_other_texts_may_not_be_printed(name: str) -> None:
    assert not is_model_id(name)


def test_words_of_the_chosen_id_are_allowed() -> None:
    assert not is_model_id("openai/gpt-5")
    assert is_model_id("openai/gpt-5", "openai/gpt-4")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anthropic/claude-sonet-4-6-20260218", "anthropic/claude-sonnet-4-6-20260218"),
        ("anthropic/claude-sonnet-4-6-20260219", "anthropic/claude-sonnet-4-6-20260218"),
        ("anthropic/claude-sonnet-4,6", "anthropic/claude-sonnet-4.6"),
        ("Claude-Haiku-5.5", "claude-haiku-5.5"),
        ("completely different", None),
        ("", None),
    ],
)
def test_a_mistyped_id_finds_the_nearest(typed: str, meant: str | None) -> None:
    assert nearest_model_id(typed, IDS) == meant


def test_name_that_may_not_be_printed_is_never_nearest() -> None:
    assert nearest_model_id("claude-sonnet-5", ["claude-sonnets-5", "claude-sonnet-5x"]) is None


@given(st.text(), st.lists(st.text()))
def test_whatever_is_listed_only_ids_come_back(typed: str, known: list[str]) -> None:
    found = nearest_model_id(typed, known)
    assert found is None or (found in known and is_model_id(found, typed))
