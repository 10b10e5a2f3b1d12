"""A whole check: makes the calls in order, reads the log, and derives the facts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.request_log import fetch_log_page
from airflow_provider_aimlapi.checks.facts import TITLES, Fact, open_fact
from airflow_provider_aimlapi.checks.findings.answer_form import form_facts
from airflow_provider_aimlapi.checks.findings.cache import cache_facts
from airflow_provider_aimlapi.checks.findings.costs import cost_facts
from airflow_provider_aimlapi.checks.findings.refusals import refusal_facts
from airflow_provider_aimlapi.checks.findings.system_text import characters_per_token, system_facts
from airflow_provider_aimlapi.checks.findings.tools import tool_facts
from airflow_provider_aimlapi.checks.log_search import LogSearch
from airflow_provider_aimlapi.checks.plan import first_calls, last_calls, marked_calls, middle_calls
from airflow_provider_aimlapi.checks.purse import LIMIT_NANO_USD, Purse
from airflow_provider_aimlapi.checks.quotation import fetch_quotation
from airflow_provider_aimlapi.checks.replies import CallSender
from airflow_provider_aimlapi.checks.timer import system_timer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.checks.quotation import Quotation
    from airflow_provider_aimlapi.checks.replies import Reply
    from airflow_provider_aimlapi.checks.timer import Timer
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

REQUEST_TIMEOUT_S = 60.0
"""An answer of a few words takes seconds. Five minutes, as in a run, would only delay the table."""
_REASONING = "a call that thinks costs more than a check may spend"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """The result of a check.

    Attributes:
        facts: in the order of `facts.TITLES`.
        calls: number of chat completion calls, including refused ones.
        cost_nano_usd: their cost as the answers report it. An answer without a reported cost counts
            with the price of its tokens.
        computed: number of answers without a reported cost.
        replies: the replies in the order of the calls.
    """

    facts: tuple[Fact, ...]
    calls: int
    cost_nano_usd: int
    computed: int
    replies: tuple[Reply, ...]


async def check(endpoint: Endpoint) -> CheckReport:
    """Fetch the price list, make the calls, and return the facts.

    Raises:
        ApiError: the API refuses the key, or cannot be reached.
    """
    return await settle_facts(endpoint, await fetch_quotation(endpoint))


async def settle_facts(
    endpoint: Endpoint,
    quotation: Quotation,
    *,
    timer: Timer | None = None,
    limit_nano_usd: int = LIMIT_NANO_USD,
) -> CheckReport:
    """Make the calls of a check and return their facts. A refused call leaves its facts open.

    Args:
        quotation: the prices that bound the cost of each call before it is sent.
        timer: the clock for the search in the log; None for the machine's.
        limit_nano_usd: the most that the check may cost.

    Raises:
        AccessRefused: the key is not valid.
    """
    purse = Purse(prices=quotation.highest_prices, limit_nano_usd=limit_nano_usd)
    replies = await _make_calls(endpoint, purse)
    # Only answered calls are searched: whether a refused call appears in the log is not promised.
    log = LogSearch(
        wanted=frozenset(one.client_request_id for one in replies.values() if one.completion)
    )
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        await log.search_for_calls(
            partial(fetch_log_page, endpoint, transport), timer or system_timer()
        )
    return CheckReport(
        facts=_derive_facts(replies, quotation, log),
        calls=purse.sent,
        cost_nano_usd=purse.spent_nano_usd,
        computed=purse.computed,
        replies=tuple(replies.values()),
    )


async def _make_calls(endpoint: Endpoint, purse: Purse) -> Mapping[str, Reply]:
    transport = open_transport(connections_max=1, route=endpoint.route)
    async with CompletionClient(
        endpoint, transport=transport, request_timeout_s=REQUEST_TIMEOUT_S
    ) as client:
        sender = CallSender(client=client, purse=purse, nonce=secrets.token_hex(6))
        for call in first_calls():
            await sender.send_once(call)
        # A read right after the write misses more often, so other calls go between them.
        write, read = marked_calls(sender.nonce, characters_per_token(sender.replies))
        for call in (write, *middle_calls(), read, *last_calls()):
            await sender.send_once(call)
    return sender.replies


def _derive_facts(
    replies: Mapping[str, Reply], quotation: Quotation, log: LogSearch
) -> tuple[Fact, ...]:
    found = [
        *system_facts(replies),
        *form_facts(replies),
        *tool_facts(replies),
        *cache_facts(replies, quotation.prices, log),
        open_fact("reasoning-tokens", _REASONING),
        quotation.form,
        *refusal_facts(replies),
        *cost_facts(replies, quotation.prices, log),
        log.fact_of_search(),
    ]
    by_name = {fact.name: fact for fact in found}
    return tuple(by_name[name] for name in TITLES)
