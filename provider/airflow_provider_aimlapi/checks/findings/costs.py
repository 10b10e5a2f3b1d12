"""What calls cost, by their answers and by the log, beside what their tokens cost by the price list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.json_values import as_object
from airflow_provider_aimlapi.checks.facts import Fact, settled, unsettled
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_CREDIT, TOKENS_A_PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.log_search import LogSearch
    from airflow_provider_aimlapi.checks.replies import Reply
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

_TOLERANCE = 0.01


def cost_facts(
    replies: Mapping[str, Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Iterator[Fact]:
    """Say where answers have their cost, and compare it with the price list."""
    answered = [reply for reply in replies.values() if reply.completion is not None]
    yield _form("cost-form", answered)
    yield _match("cost-match", answered, prices, log)


def cost_nano_usd(reply: Reply, log: LogSearch) -> int | None:
    """Return what a call cost, by its answer, else by the log."""
    if reply.completion is not None and reply.completion.cost_nano_usd is not None:
        return reply.completion.cost_nano_usd
    return log.costs.get(reply.client_request_id)


def _form(name: str, answered: list[Reply]) -> Fact:
    forms = sorted({_places(reply) for reply in answered})
    if not forms:
        return unsettled(name, "no answer")
    return settled(name, "; ".join(forms), f"{len(answered)} answers")


def _places(reply: Reply) -> str:
    answer, usage = reply.answer, as_object(as_object(reply.payload.get("meta")).get("usage"))
    has_header = answer is not None and bool(answer.usd_spent or answer.credits_used)
    meta = "meta" if "usd_spent" in usage else "credits in meta" if "credits_used" in usage else ""
    places = ["header"] * has_header + [meta] * bool(meta)
    return " and ".join(places) or "nowhere"


def _match(
    name: str, answered: list[Reply], prices: Mapping[str, TokenPrices], log: LogSearch
) -> Fact:
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
        return unsettled(name, "no answer has a cost, token counts and a price in the list")
    evidence = f"{len(ratios)} calls, {min(ratios):.3f} to {max(ratios):.3f} times price x tokens"
    return settled(name, "yes" if is_exact else "no", evidence)


def _by_tokens(reply: Reply, prices: Mapping[str, TokenPrices]) -> float | None:
    """Return what a call's tokens cost; None for calls that the cache may have had a part in."""
    price, completion = prices.get(reply.call.model), reply.completion
    if price is None or completion is None or reply.call.is_marked:
        return None
    asked, answered = completion.prompt_tokens, completion.completion_tokens
    if not asked or answered is None:
        return None
    total = asked * price.input_nano_usd + answered * price.output_nano_usd
    return total / TOKENS_A_PRICE
