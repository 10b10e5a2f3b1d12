"""Fetches the balance and the key of an account, which costs nothing, and describes them in words.

If one of the two requests fails, the result of the second is still used, because keys differ in
what they may read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.exchange import exchange
from airflow_provider_aimlapi.api.http.request_headers import headers_for
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    as_list,
    as_object,
    as_word,
)
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.core.texts.wording import format_amount
from airflow_provider_aimlapi.errors import ApiError, WireViolation

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

BILLING_PATH = "/v2/billing"
KEY_PATH = "/v1/key"
CHAT_SCOPE = "model:chat"
# A person waits for this answer, in Airflow's form or for an estimate.
ACCOUNT_TIMEOUT_S = 15.0
_TOP_UP = "Top up at https://aimlapi.com/app/billing"
_CURRENCY = re.compile(r"[A-Z]{3}")
_PERIODS = {"day": " a day", "week": " a week", "month": " a month", "no_reset": " in all"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the API reports about the account and its key. None: it did not report it.

    Attributes:
        balance: the amount in `currency`; may be negative.
        currency: a code of ISO 4217.
        limit_usd: the most that the key may spend in `limit_period`.
        limit_period: day, week, month or no_reset.
        month_usd: the amount that the key has spent this month.
        scopes: what the key may call; None: everything.
        is_disabled: whether the key was switched off.
        gaps: a sentence for each request that failed, with the reason.
    """

    balance: float | None = None
    currency: str = "USD"
    limit_usd: float | None = None
    limit_period: str | None = None
    month_usd: float | None = None
    scopes: tuple[str, ...] | None = None
    is_disabled: bool = False
    gaps: tuple[str, ...] = ()

    @property
    def is_over_limit(self) -> bool:
        """Whether the key has used up its limit, as far as this month's spending shows."""
        if self.limit_usd is None or self.month_usd is None or self.limit_period != "month":
            return False
        return self.month_usd >= self.limit_usd

    @property
    def is_ready(self) -> bool:
        """Whether nothing in the report would stop a completion."""
        return self._may_ask and not self.is_over_limit

    @property
    def explains_refusal_until_midnight(self) -> bool:
        """Whether only the key's limit per day can be the cause of a 403.

        The API does not report what the key has spent today. But that is at most what it has
        spent this month. While this month's amount is below the limit, the limit is not the cause.
        """
        if self.limit_usd is None or self.limit_period != "day" or self.balance is None:
            return False
        could_be_spent = self.month_usd is None or self.month_usd >= self.limit_usd
        return self._may_ask and could_be_spent

    @property
    def _may_ask(self) -> bool:
        may_chat = self.scopes is None or CHAT_SCOPE in self.scopes
        has_credit = self.balance is None or self.balance > 0
        return may_chat and has_credit and not self.is_disabled


async def fetch_account(endpoint: Endpoint, transport: httpx.AsyncBaseTransport) -> Account:
    """Fetch the balance and the key. Costs nothing. The transport stays open.

    Raises:
        ApiError: both requests failed; the error is that of the first.
    """
    account = Account()
    failures: list[ApiError] = []
    for path, subject, add in (
        (BILLING_PATH, "balance", _with_balance),
        (KEY_PATH, "key", _with_key),
    ):
        try:
            account = add(account, await _fetch_json(endpoint, transport, path))
        except ApiError as error:
            failures.append(error)
            gap = f"The {subject} could not be fetched: {error}"
            account = replace(account, gaps=(*account.gaps, gap))
    # Both failed, for one reason as a rule: the first error names it.
    if len(failures) > 1:
        raise failures[0].with_traceback(None)
    return account


def describe_account(account: Account) -> str:
    """Return a line such as "Connected. Balance 123.45 USD. Key limit 25 USD a month, …"."""
    sentences = ["Connected.", _balance_words(account), _limit_words(account)]
    sentences += [*key_obstacles(account), *account.gaps]
    return " ".join(sentence for sentence in sentences if sentence)


async def _fetch_json(
    endpoint: Endpoint, transport: httpx.AsyncBaseTransport, path: str
) -> JsonObject:
    request = httpx.Request("GET", endpoint.url_of_path(path), headers=headers_for(endpoint))
    answer = await exchange(
        transport,
        request,
        timeout_s=ACCOUNT_TIMEOUT_S,
        key_removal=KeyRemoval(endpoint.key),
    )
    if not answer.is_success:
        raise error_of(answer)
    payload = read_envelope(answer.body)
    # A page of a proxy or of another site, which answers any path with 200.
    if not payload:
        raise WireViolation(
            f"{path} answered HTTP {answer.status} without a JSON object. Is the connection's "
            "host the API's base URL?",
            status=answer.status,
            request_id=answer.request_id,
        )
    return payload


def _with_balance(account: Account, payload: JsonObject) -> Account:
    return replace(
        account,
        balance=_as_amount(payload.get("current_balance")),
        currency=_currency_code(payload.get("currency")) or account.currency,
    )


def _with_key(account: Account, payload: JsonObject) -> Account:
    key = as_object(payload.get("data"))
    limit = as_object(key.get("limit"))
    scopes = key.get("scopes")
    return replace(
        account,
        limit_usd=_as_amount(limit.get("threshold")),
        limit_period=_limit_period(limit.get("retention")),
        month_usd=_as_amount(key.get("monthly_usage")),
        scopes=tuple(filter(None, map(as_word, as_list(scopes)))) if scopes is not None else None,
        is_disabled=key.get("disabled") is True,
    )


def _balance_words(account: Account) -> str:
    if account.balance is None:
        return ""
    words = f"Balance {format_amount(account.balance, account.currency)}."
    return " ".join((words, *missing_credit(account)))


def missing_credit(account: Account) -> tuple[str, ...]:
    """Return a sentence with the fix if the balance is used up."""
    if account.balance is None or account.balance > 0:
        return ()
    return (f"{_TOP_UP}: no call is answered without credit.",)


def key_obstacles(account: Account) -> tuple[str, ...]:
    """Return what is wrong with the key: for each fault a sentence that names the fix."""
    words = []
    if account.is_over_limit:
        words.append("The key has used up its limit: raise it at https://aimlapi.com/app/keys.")
    if account.is_disabled:
        words.append("The key is disabled: enable it at https://aimlapi.com/app/keys.")
    if account.scopes is not None and CHAT_SCOPE not in account.scopes:
        words.append(f"The key lacks the scope {CHAT_SCOPE}, so it cannot ask for completions.")
    return tuple(words)


def _limit_words(account: Account) -> str:
    if account.limit_usd is None:
        return ""
    limit = f"{account.limit_usd:,.2f}".removesuffix(".00")
    words = f"Key limit {limit} USD{_PERIODS.get(account.limit_period or '', '')}"
    if account.month_usd is None:
        return f"{words}."
    # The API reports the spending of a month only, whatever the limit's own period.
    span = "" if account.limit_period == "month" else " this month"
    return f"{words}, {account.month_usd:,.2f} used{span}."


def _currency_code(value: object) -> str | None:
    """Return a code of ISO 4217; "XXX", its code for no currency, if the API names another."""
    word = as_word(value)
    return word if word is None or _CURRENCY.fullmatch(word) else "XXX"


def _limit_period(value: object) -> str | None:
    return value if isinstance(value, str) and value in _PERIODS else None


def _as_amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
