"""Formats a check's report as a table, and as JSON for a bug report, without key and balance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi import __version__
from airflow_provider_aimlapi.checks.facts import TITLES
from airflow_provider_aimlapi.checks.plan import CALLS_MAX, DATED, DOTTED
from airflow_provider_aimlapi.checks.purse import LIMIT_NANO_USD, likely_nano_usd
from airflow_provider_aimlapi.core.money.pricing import usd_from_nano_usd
from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.checks.check import CheckReport
    from airflow_provider_aimlapi.checks.quotation import Quotation
    from airflow_provider_aimlapi.checks.replies import Reply

UNSETTLED = "unsettled"


def announcement_lines(quotation: Quotation) -> Iterator[str]:
    """Yield the lines that announce the cost."""
    limit = format_usd(LIMIT_NANO_USD)
    yield f"Dated id   {DATED}"
    yield f"Dotted id  {DOTTED}"
    if quotation.highest_prices is None:
        yield f"The price list has no price for them: {quotation.form.evidence}."
        yield "So only one call is made, which the API refuses. It costs nothing."
        return
    likely = format_usd(likely_nano_usd(quotation.highest_prices))
    yield f"The check makes at most {CALLS_MAX} calls, probably for less than {likely}."
    yield f"It checks before each call that the total cost stays below {limit}."
    yield "Then it searches the API's log for the calls, for at most two minutes. That is free."


def report_lines(report: CheckReport) -> Iterator[str]:
    """Yield the table, the remedies of refused calls, and the cost."""
    titles = max(map(len, TITLES.values()))
    answers = max(len(fact.answer or UNSETTLED) for fact in report.facts)
    for fact in report.facts:
        answer = fact.answer or UNSETTLED
        yield f"{TITLES[fact.name]:<{titles}}  {answer:<{answers}}  {fact.evidence}"
    settled = sum(fact.answer is not None for fact in report.facts)
    yield f"{settled} of {len(report.facts)} facts are settled."
    yield from dict.fromkeys(reply.remedy for reply in report.replies if reply.remedy)
    computed = f", {report.computed} of them by the price list" if report.computed else ""
    yield f"Cost: {format_usd(report.cost_nano_usd)} for {report.calls} calls{computed}."


def as_json(report: CheckReport) -> bytes:
    """Return the report as a JSON file."""
    facts = [
        {
            "name": fact.name,
            "title": TITLES[fact.name],
            "is_settled": fact.answer is not None,
            "answer": fact.answer,
            "evidence": fact.evidence,
        }
        for fact in report.facts
    ]
    payload = {
        "provider_version": __version__,
        "dated_id": DATED,
        "dotted_id": DOTTED,
        "calls": report.calls,
        "cost_usd": usd_from_nano_usd(report.cost_nano_usd),
        "calls_without_reported_cost": report.computed,
        "facts": facts,
        "replies": [_figures_of(reply) for reply in report.replies],
    }
    return msgspec.json.format(msgspec.json.encode(payload), indent=2) + b"\n"


def _figures_of(reply: Reply) -> dict[str, object]:
    """Return a call's name in the API's log, and its answer's figures without any text."""
    found = reply.completion
    cost = None if found is None else found.cost_nano_usd
    return {
        "client_request_id": reply.client_request_id,
        "model": reply.call.model,
        "status": reply.answer.status if reply.answer else None,
        "prompt_tokens": found and found.prompt_tokens,
        "completion_tokens": found and found.completion_tokens,
        "cached_tokens": found and found.cached_tokens,
        "cache_write_tokens": found and found.cache_write_tokens,
        "cost_usd": None if cost is None else usd_from_nano_usd(cost),
    }
