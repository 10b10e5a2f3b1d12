from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.marks.prompt_order import order_hint

SONNET, OPUS_4_5 = "anthropic/claude-sonnet-4-6-20260218", "claude-opus-4-5"
RULES = "Rule. " * 1_000  # 1,500 tokens


@pytest.mark.parametrize("prompt", ["{body}" + RULES, "Sort this: {body} ({lang})\n" + RULES])
def test_long_text_after_the_columns_is_to_go_first(prompt: str) -> None:
    hint = order_hint(prompt, None, SONNET)
    assert hint is not None
    assert "1,500 tokens" in hint
    assert "1,350 tokens less" in hint


@pytest.mark.parametrize(
    ("prompt", "system", "model"),
    [
        (RULES + "{body}", None, SONNET),
        ("{body}" + RULES + "{lang}", None, SONNET),
        ("{body}" + RULES[:4_000], None, SONNET),
        ("{body}" + RULES, None, OPUS_4_5),
        ("{body}" + RULES, "Answer in {lang}.", SONNET),
        (RULES, None, SONNET),
        ("{}" + RULES, None, SONNET),
        ('{"a": "b"}' + RULES, None, SONNET),
    ],
)
def test_other_prompts_stay_as_they_are(prompt: str, system: str | None, model: str) -> None:
    assert order_hint(prompt, system, model) is None


def test_a_constant_system_text_changes_nothing() -> None:
    assert order_hint("{body}" + RULES, "Be brief.", SONNET) is not None
