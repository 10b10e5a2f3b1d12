"""A check against the simulator in each of its modes. Every fact follows the mode."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from aimlapi_simulator import Account, Cache, Fault, Forms, Gateway, Script
from airflow_provider_aimlapi.checks.facts import TITLES
from airflow_provider_aimlapi.checks.plan import CALLS_MAX, DATED, DOTTED
from airflow_provider_aimlapi.checks.purse import LIMIT_NANO_USD
from airflow_provider_aimlapi.errors import AccessRefused
from tests.checks.conftest import Checked, checked
from tests.checks.expected import differences

NANO_USD_PER_CREDIT = 500
NEW = "anthropic/claude-opus-4-8"
BATCH_FORMS = {"batch_running", "batch_results", "batch_canceled"}
DROPPED = ("system", "tools", "tool_choice", "response_format", "stop_sequences")


def values_of(struct: type, name: str) -> list[Any]:
    """All values of a field whose type is a Literal, or a union of such."""

    def flat(hint: object) -> list[Any]:
        return [
            inner
            for arg in get_args(hint)
            for inner in ([arg] if isinstance(arg, str) else flat(arg))
        ]

    return flat(get_type_hints(struct)[name])


MODES: dict[str, Script] = {
    "default": Script(),
    **{
        f"{name}={value}": Script(forms=Forms(**{name: value}))
        for name in Forms.__struct_fields__
        if name not in BATCH_FORMS
        for value in values_of(Forms, name)
    },
    **{
        f"documents={documents}, strict={is_strict}": Script(
            gateway=Gateway(documents=documents, is_strict=is_strict)
        )
        for documents in values_of(Gateway, "documents")
        for is_strict in (False, True)
    },
    **{f"drop {field}": Script(gateway=Gateway(drops=(field,))) for field in DROPPED},
    **{f"refuse {field}": Script(gateway=Gateway(refuses=(field,))) for field in DROPPED},
    **{
        f"withdraw {name}": Script(gateway=Gateway(withdrawn={name: NEW}))
        for name in (DATED, DOTTED)
    },
    **{f"marks={value}": Script(cache=Cache(marks=value)) for value in values_of(Cache, "marks")},
    "misses": Script(cache=Cache(miss_share=1.0)),
    **{f"log after {delay} s": Script(ledger_delay_s=delay) for delay in (0, 60, 119, 121, 600)},
    "no cost anywhere": Script(forms=Forms(cost="nowhere"), ledger_delay_s=600),
    "no cost, no marks": Script(
        forms=Forms(cost="nowhere"), cache=Cache(marks="ignored"), ledger_delay_s=600
    ),
}
REFUSALS = ("403", "403-key-limit", "404", "400", "400-details", "400-vendor", "422", "429")
FAILURES = (
    *("500", "503-empty", "502-html", "307", "html-200", "empty-200"),
    *("disconnect-unbilled", "disconnect-billed", "disconnect-mid-body", "invalid-json"),
)
ODD_ANSWERS = ("null-content", "no-choices", "refusal", "truncated", "broken-tool-call", "201")


def check_bill(found: Checked, *, limit_nano_usd: int = LIMIT_NANO_USD) -> None:
    """It never passes the limit, whatever is answered."""
    spent = found.ledger.total_credits * NANO_USD_PER_CREDIT
    assert spent < limit_nano_usd
    assert found.report.calls <= CALLS_MAX
    assert [fact.name for fact in found.report.facts] == list(TITLES)
    assert all(fact.evidence for fact in found.report.facts)


@pytest.mark.parametrize("mode", MODES)
def test_each_fact_follows_the_mode(mode: str) -> None:
    found = checked(MODES[mode])
    assert differences(found.answers, MODES[mode]) == {}
    check_bill(found)
    assert found.passed_s <= 120
    if found.report.computed == 0:
        assert found.report.cost_nano_usd == found.ledger.total_credits * NANO_USD_PER_CREDIT


def test_the_modes_cover_every_switch() -> None:
    """A switch that the simulator gets must be given a mode here."""
    for struct, fields in (
        (Gateway, {"documents", "is_strict", "drops", "refuses", "withdrawn"}),
        (Cache, {"marks", "miss_share"}),
    ):
        assert set(struct.__struct_fields__) == fields
    named = {mode.partition("=")[0] for mode in MODES}
    assert set(Forms.__struct_fields__) - BATCH_FORMS <= named


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_of_every_call_settles_next_to_nothing(kind: str) -> None:
    found = checked(Script(faults=(Fault(kind=kind),)))
    check_bill(found)
    assert found.report.cost_nano_usd == 0
    answered = {name for name, answer in found.answers.items() if answer not in (None, "refused")}
    assert answered <= {"price-list", "error-form", "vendor-error"}
    is_request = kind in ("400", "400-details", "400-vendor", "422")
    assert ("refused" in found.answers.values()) is is_request


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_of_every_call_is_no_crash(kind: str) -> None:
    found = checked(Script(faults=(Fault(kind=kind),)))
    check_bill(found)
    answered = {name for name, answer in found.answers.items() if answer is not None}
    assert answered <= {"price-list", "error-form", "vendor-error"}


@pytest.mark.parametrize("kind", ODD_ANSWERS)
def test_an_odd_answer_to_every_call_is_no_crash(kind: str) -> None:
    check_bill(checked(Script(faults=(Fault(kind=kind),))))


def test_no_credit_leaves_the_facts_open() -> None:
    found = checked(Script(account=Account(balance_usd=0)))
    assert found.answers["system-dated"] is None
    (fact,) = [fact for fact in found.report.facts if fact.name == "system-dated"]
    assert "HTTP 403" in fact.evidence
    assert found.answers["price-list"] == "origin"


def test_a_wrong_key_fails_at_the_first_call() -> None:
    with pytest.raises(AccessRefused, match="HTTP 401") as refused:
        checked(Script(account=Account(key="another-key")))
    assert "https://aimlapi.com/app/keys" in str(refused.value)


@pytest.mark.parametrize("limit_usd", [0.0001, 0.001, 0.002, 0.004, 0.008, 0.012])
@pytest.mark.parametrize("cost", ["both", "nowhere"])
def test_a_limit_is_never_passed(limit_usd: float, cost: Any) -> None:
    limit = round(limit_usd * 1e9)
    script = Script(forms=Forms(cost=cost))
    found = checked(script, limit_nano_usd=limit)
    check_bill(found, limit_nano_usd=limit)
    open_facts = [fact for fact in found.report.facts if "could exceed the limit" in fact.evidence]
    assert open_facts
    assert all(fact.answer is None for fact in open_facts)
    assert found.answers["error-form"] == "in error.details"


def test_without_prices_only_the_free_call_is_sent() -> None:
    script = Script(gateway=Gateway(withdrawn={DATED: NEW, DOTTED: NEW}))
    found = checked(script)
    assert found.report.calls == 1
    assert found.ledger.total_credits == 0
    assert found.answers["price-list"] is None


def test_search_ends_once_the_log_has_all_calls() -> None:
    assert checked(Script(ledger_delay_s=0)).passed_s == 0
    assert checked(Script(ledger_delay_s=12)).passed_s == 15
    assert checked(Script(ledger_delay_s=600)).passed_s == 120
