"""Fetch what can pay for a run: the account's balance, the key's limit, the budget. Free of charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.account import key_obstacles, missing_credit
from airflow_provider_aimlapi.core.money.estimate_report import Funds
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.core.texts.wording import format_amount
from airflow_provider_aimlapi.errors import AccessRefused, ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.api.account import Account

log = logger(__name__)


async def fetch_funds(
    ask_account: Callable[[], Awaitable[Account]], budget_nano_usd: int | None, paid_nano_usd: int
) -> Funds:
    """Fetch the balance and the key's limit.

    Raises:
        AccessRefused: the key may fetch neither. Any other failure becomes a remark.
    """
    budget_left = None if budget_nano_usd is None else max(0, budget_nano_usd - paid_nano_usd)
    try:
        account = await ask_account()
    except AccessRefused:
        raise
    except ApiError as error:
        remark = f"Balance and key could not be fetched: {error}"
        return Funds(budget_left_nano_usd=budget_left, remarks=(remark,))
    for warning in missing_credit(account):
        log.warning("The balance is used up. %s", warning)
    return Funds(
        balance_nano_usd=_nano_usd(account.balance) if account.currency == "USD" else None,
        key_limit_nano_usd=_nano_usd(account.limit_usd),
        key_period=account.limit_period,
        key_left_nano_usd=_key_left(account),
        budget_left_nano_usd=budget_left,
        remarks=(
            *missing_credit(account),
            *_balance_in_other_currency(account),
            *key_obstacles(account),
            *account.gaps,
        ),
    )


def _key_left(account: Account) -> int | None:
    """Return the most that may be left of the key's limit: the API reports this month's spending only."""
    if account.limit_usd is None:
        return None
    # The month's spending counts against a monthly limit, and at least against one that never
    # resets. Of a day's or a week's limit, all may be left.
    counts = account.limit_period in ("month", "no_reset")
    used_usd = (account.month_usd or 0.0) if counts else 0.0
    return _nano_usd(max(0.0, account.limit_usd - used_usd))


def _balance_in_other_currency(account: Account) -> tuple[str, ...]:
    if account.balance is None or account.currency == "USD":
        return ()
    return (f"Balance {format_amount(account.balance, account.currency)}.",)


def _nano_usd(usd: float | None) -> int | None:
    return None if usd is None else round(usd * NANO_USD_PER_USD)
