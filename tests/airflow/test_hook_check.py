"""`AIMLAPIHook.check()` as a task or a notebook calls it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Account, Script
from airflow_provider_aimlapi.checks.facts import TITLES
from airflow_provider_aimlapi.errors import AccessRefused

if TYPE_CHECKING:
    from airflow_provider_aimlapi.checks.check import CheckReport
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]


@pytest.fixture
def hook(api: Any) -> AIMLAPIHook:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    return AIMLAPIHook()


def check_report(report: CheckReport, api: Any) -> None:
    answers = {fact.name: fact.answer for fact in report.facts}
    assert list(answers) == list(TITLES)
    assert answers["system-dated"] == "arrives"
    assert report.cost_nano_usd == api.simulator.ledger.total_credits * 500


def test_the_hook_s_check_returns_the_facts(api: Any, hook: AIMLAPIHook) -> None:
    api.simulator.follow(Script(ledger_delay_s=0))
    check_report(hook.check(), api)


def test_the_hook_s_check_runs_inside_a_loop(api: Any, hook: AIMLAPIHook) -> None:
    api.simulator.follow(Script(ledger_delay_s=0))

    async def inside() -> CheckReport:
        return hook.check()

    check_report(asyncio.run(inside()), api)


def test_the_hook_s_check_refuses_a_wrong_key(api: Any, hook: AIMLAPIHook) -> None:
    api.simulator.follow(Script(account=Account(key="another-key")))
    with pytest.raises(AccessRefused, match="HTTP 401"):
        hook.check()
