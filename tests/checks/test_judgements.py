"""Facts from single replies for which the simulator has no mode."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_simulator import Fault, Script
from airflow_provider_aimlapi.checks.findings.cache import cache_facts
from airflow_provider_aimlapi.checks.findings.system_text import characters_per_token, system_facts
from airflow_provider_aimlapi.checks.findings.tools import tool_facts
from airflow_provider_aimlapi.checks.log_search import LogSearch
from airflow_provider_aimlapi.checks.plan import (
    CALLS_MAX,
    DATED,
    SYSTEM,
    first_calls,
    last_calls,
    middle_calls,
)
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from tests.checks.conftest import checked
from tests.checks.replies import refused, reply

PRICES = {DATED: TokenPrices(input_nano_usd=4_000_000_000, output_nano_usd=20_000_000_000)}
NO_LOG = LogSearch(wanted=frozenset())


def arrival(with_it: dict[str, Any], without: dict[str, Any], text: str = "Blue") -> str | None:
    """The answer to whether the dated id gets its system text."""
    replies = {
        "system-dated": reply("system-dated", text, **with_it),
        "plain-dated": reply("plain-dated", "Blue", **without),
        **{
            name: refused(name, 404)
            for name in ("system-dotted", "system-field-dotted", "plain-dotted")
        },
    }
    facts = {fact.name: fact.answer for fact in system_facts(replies)}
    assert facts["system-dotted"] is None
    return facts["system-dated"]


def asked(tokens: int) -> dict[str, Any]:
    return {"prompt_tokens": tokens, "completion_tokens": 4}


@pytest.mark.parametrize(
    ("with_it", "without", "text", "answer"),
    [
        (asked(52), asked(17), "Marmalade", "arrives"),
        (asked(52), asked(17), "Blue", "arrives"),
        (asked(17), asked(17), "Blue", "dropped"),
        (asked(18), asked(17), "Blue", "dropped"),
        (asked(17), asked(17), "marmalade.", "arrives"),
        (asked(24), asked(17), "Blue", None),
        ({}, asked(17), "Blue", None),
        ({}, {}, "**Marmalade**", "arrives"),
    ],
)
def test_tokens_and_obedience_show_a_system_text(
    with_it: dict[str, Any], without: dict[str, Any], text: str, answer: str | None
) -> None:
    assert arrival(with_it, without, text) == answer


@pytest.mark.parametrize(("extra", "length"), [(41, len(SYSTEM) / 41), (3, None)])
def test_the_length_of_a_token_is_measured(extra: int, length: float | None) -> None:
    replies = {
        "plain-dated": reply("plain-dated", "Blue", **asked(17)),
        "system-dated": reply("system-dated", "Blue", **asked(17 + extra)),
    }
    assert characters_per_token(replies) == length


def cached(first: dict[str, Any], second: dict[str, Any]) -> dict[str, str | None]:
    replies = {
        "cache-write": reply("cache-write", "Blue", completion_tokens=10, **first),
        "cache-read": reply("cache-read", "Blue", completion_tokens=10, **second),
    }
    return {fact.name: fact.answer for fact in cache_facts(replies, PRICES, NO_LOG)}


def test_a_price_alone_shows_a_write_and_a_read() -> None:
    """1,100 tokens at 4 USD a million are 0.0044 USD; the answer is 0.0002 USD."""
    found = cached(
        {"prompt_tokens": 1100, "usd": 0.0055 + 0.0002},
        {"prompt_tokens": 1100, "usd": 0.00044 + 0.0002},
    )
    assert (found["cache-write"], found["cache-read"]) == ("yes", "yes")
    assert (found["cache-write-price"], found["cached-tokens"]) == (None, None)


def test_a_plain_price_shows_that_nothing_was_written() -> None:
    found = cached(*[{"prompt_tokens": 1100, "usd": 0.0044 + 0.0002}] * 2)
    assert (found["cache-write"], found["cache-read"]) == ("no", None)


def test_a_text_that_came_out_too_short_shows_nothing() -> None:
    found = cached(*[{"prompt_tokens": 1000, "usd": 0.0040 + 0.0002}] * 2)
    assert (found["cache-mark"], found["cache-write"]) == ("accepted", None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"colour": "blue"}', "JSON"),
        (' {"colour":"blue"}\n', "JSON"),
        ('```json\n{"colour": "blue"}\n```', "JSON in a text"),
        ('{"color": "blue"}', "no effect"),
        ("Blue", "no effect"),
        ("}{", "no effect"),
        ("", "no effect"),
    ],
)
def test_response_format_is_judged_by_the_text(text: str, answer: str) -> None:
    replies = {
        "tool-dated": refused("tool-dated", 400),
        "tool-dotted": refused("tool-dotted", 503),
        "response-format": reply("response-format", text, **asked(17)),
    }
    facts = {fact.name: fact.answer for fact in tool_facts(replies)}
    assert facts["response-format"] == answer
    assert (facts["tool-dated"], facts["tool-dotted"]) == ("refused", None)


def test_checks_have_twelve_distinct_calls() -> None:
    names = [call.name for call in (*first_calls(), *middle_calls(), *last_calls())]
    assert len({*names, "cache-write", "cache-read"}) == CALLS_MAX


def test_throttled_log_is_read_again() -> None:
    fault = Fault(kind="429", path="/v2/logs", times=3)
    found = checked(Script(faults=(fault,)))
    assert found.answers["log"] == "yes"
    assert found.passed_s == 15


def test_unreadable_log_leaves_its_fact_open() -> None:
    found = checked(Script(faults=(Fault(kind="403", path="/v2/logs"),)))
    assert found.answers["log"] is None
    assert found.passed_s == 0
    assert found.answers["system-dated"] == "arrives"


def test_failed_price_list_allows_one_free_call() -> None:
    found = checked(Script(faults=(Fault(kind="500", path="/v1/models"),)))
    assert found.report.calls == 1
    assert found.ledger.total_credits == 0
    assert found.answers["error-form"] == "in error.details"
