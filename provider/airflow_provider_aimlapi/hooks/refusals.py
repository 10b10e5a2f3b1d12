"""Why the API refuses a key, found out by asking for balance and key. Spends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.errors import AccessRefused, AimlapiError, SpendingLimitReached
from airflow_provider_aimlapi.hooks.account_question import ask_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.endpoint import Endpoint

E = TypeVar("E", bound=AimlapiError)

ABOUT_MONEY = frozenset({402, 403})
"""The statuses that no credit, a key's limit, a missing scope and a disabled key have in common."""


def told_apart(error: E, endpoint: Callable[[], Endpoint]) -> E | SpendingLimitReached:
    """The error, or, if it is the key's limit for a day that the API refuses for, that.

    Args:
        endpoint: where to ask; called only for a refusal that may be about money.
    """
    if not isinstance(error, AccessRefused) or error.status not in ABOUT_MONEY:
        return error
    try:
        account = ask_account(endpoint())
    except AimlapiError:
        return error  # what the refusal itself says names every cause
    if not account.explains_refusal_until_midnight:
        return error
    return SpendingLimitReached(
        f"HTTP {error.status}: the key has used up its limit of {account.limit_usd:,.2f} USD a "
        f"day, which resets at 00:00 UTC. What was paid for is kept: a try after that takes up "
        f"here. Or raise the limit at https://aimlapi.com/app/keys.",
        status=error.status,
        request_id=error.request_id,
    )
