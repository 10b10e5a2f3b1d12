"""Compares the cost of calls, as answers and log report it, with the price of their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.json_values import as_object
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_CREDIT, TOKENS_A_PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.log_search import LogSearch
    from airflow_provider_aimlapi.checks.replies import Reply
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

_TOLERANCE = 0.01
"""A percent is no other price. Rounding to credits is allowed for separately."""


def cost_facts(
    replies: Mapping[str, Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Iterator[Fact]:
    """Yield where answers have their cost, and whether it matches the price list."""
    answered = [reply for reply in replies.values() if reply.completion is not None]
    yield _form_fact("cost-form", answered)
    yield _match_fact("cost-match", answered, prices, log)


def cost_nano_usd(reply: Reply, log: LogSearch) -> int | None:
    """Return the cost of a call from its answer, or else from the log; None if neither has it."""
    if reply.completion is not None and reply.completion.cost_nano_usd is not None:
        return reply.completion.cost_nano_usd
    return log.costs.get(reply.client_request_id)


def _form_fact(name: str, answered: list[Reply]) -> Fact:
    forms = sorted({_cost_fields(reply) for reply in answered})
    if not forms:
        return open_fact(name, "no answer")
    return settled_fact(name, "; ".join(forms), f"{len(answered)} answers")


def _cost_fields(reply: Reply) -> str:
    answer, usage = reply.answer, as_object(as_object(reply.payload.get("meta")).get("usage"))
    has_header = answer is not None and bool(answer.usd_spent or answer.credits_used)
    meta = "meta" if "usd_spent" in usage else "credits in meta" if "credits_used" in usage else ""
    fields = ["header"] * has_header + [meta] * bool(meta)
    return " and ".join(fields) or "nowhere"


def _match_fact(
    name: str, answered: list[Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Fact:
    # A credit is the smallest amount that the API charges, so a tiny call may differ by one.
    ratios = []
    is_exact = True
    for reply in answered:
        expected = _by_tokens(reply, prices)
        cost = cost_nano_usd(reply, log)
        if expected is None or cost is None:
            continue
        ratios.append(cost / expected)
        allowed = max(NANO_USD_PER_CREDIT, expected * _TOLERANCE)
        is_exact &= abs(cost - expected) <= allowed
    if not ratios:
        return open_fact(name, "no call has a cost, token counts and a price in the list")
    detail = f"{len(ratios)} calls, {min(ratios):.3f} to {max(ratios):.3f} times price x tokens"
    return settled_fact(name, "yes" if is_exact else "no", detail)


def _by_tokens(reply: Reply, prices: Mapping[str, TokenPrices]) -> float | None:
    """Return the price of a call's tokens; None for calls that may have used the cache."""
    price, completion = prices.get(reply.call.model), reply.completion
    if price is None or completion is None or reply.call.is_marked:
        return None
    prompt_tokens, answer_tokens = completion.prompt_tokens, completion.completion_tokens
    if not prompt_tokens or answer_tokens is None:
        return None
    total = prompt_tokens * price.input_nano_usd + answer_tokens * price.output_nano_usd
    return total / TOKENS_A_PRICE
