"""What a run may be paid from: the account's balance, the key's limit, the budget. Spends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.account import obstacles
from airflow_provider_aimlapi.core.money.estimate_report import Funds
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.core.texts.wording import format_amount
from airflow_provider_aimlapi.errors import AccessRefused, ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aimlapi.api.account import Account


async def ask_funds(
    ask_account: Callable[[], Awaitable[Account]], budget_nano_usd: int | None, paid_nano_usd: int
) -> Funds:
    """Ask for balance and key.

    Raises:
        AccessRefused: the key may ask for neither. Any other failure becomes a remark.
    """
    budget_left = None if budget_nano_usd is None else max(0, budget_nano_usd - paid_nano_usd)
    try:
        account = await ask_account()
    except AccessRefused:
        raise
    except ApiError as error:
        remark = f"Balance and key could not be asked for: {error}"
        return Funds(budget_left_nano_usd=budget_left, remarks=(remark,))
    return Funds(
        balance_nano_usd=_nano_usd(account.balance) if account.currency == "USD" else None,
        key_limit_nano_usd=_nano_usd(account.limit_usd),
        key_period=account.limit_period,
        key_left_nano_usd=_key_left(account),
        budget_left_nano_usd=budget_left,
        remarks=(*_in_other_money(account), *obstacles(account), *account.gaps),
    )


def _key_left(account: Account) -> int | None:
    """What may be left of the key's limit at the most: the API tells this month's spending only."""
    if account.limit_usd is None:
        return None
    counts = account.limit_period in ("month", "no_reset")
    used_usd = (account.month_usd or 0.0) if counts else 0.0
    return _nano_usd(max(0.0, account.limit_usd - used_usd))


def _in_other_money(account: Account) -> tuple[str, ...]:
    if account.balance is None or account.currency == "USD":
        return ()
    return (f"Balance {format_amount(account.balance, account.currency)}.",)


def _nano_usd(usd: float | None) -> int | None:
    return None if usd is None else round(usd * NANO_USD_PER_USD)
