"""Fetches the prices of a model from the public price list, which costs nothing.

The list states the prices that the API means to charge. The amount that it did charge is in each
answer.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.exchange import exchange
from airflow_provider_aimlapi.api.http.request_headers import headers_for
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import read_envelope
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    as_count,
    as_list,
    as_object,
    as_text,
)
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.core.money.pricing import (
    TOKENS_A_PRICE,
    PriceStep,
    TokenPrices,
    nano_usd_from_usd,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

MODELS_PATH = "/v1/models"
PRICES_TIMEOUT_S = 10.0
"""The longest delay of a run's first call when a budget is set. Without prices the run starts all
the same."""
_PROMPT = frozenset({"input", "provided"})
_ANSWER = frozenset({"output", "generated"})
"""The words for the answer's tokens, in the list's two forms."""
_READ = frozenset({"cached_input", "cached"})
_WRITTEN = frozenset({"cache_write"})
_CACHE = _READ | _WRITTEN
"""The words for tokens of the prompt cache. Its prices have no step in our model."""
_PRICE_KEYS = frozenset({"price", "per"})


async def fetch_prices(
    endpoint: Endpoint, transport: httpx.AsyncBaseTransport, model: str
) -> TokenPrices | None:
    """Return the prices of a model, which may be named by an alias. The transport stays open.

    Returns:
        None if the list does not have the model, or has no prices in USD per token.

    Raises:
        ApiError: the API did not return the list.
    """
    entry = await fetch_entry(endpoint, transport, model)
    return None if entry is None else prices_in(entry)


async def fetch_entry(
    endpoint: Endpoint, transport: httpx.AsyncBaseTransport, model: str
) -> JsonObject | None:
    """Return a model's entry in the list, unchanged; None if the list does not have the model.

    Raises:
        ApiError: the API did not return the list.
    """
    # The id is a filter. If the API ignores it, the list has all models, and the loop finds this
    # one.
    url = httpx.URL(endpoint.url_of_path(MODELS_PATH), params={"include": "pricing", "id": model})
    answer = await exchange(
        transport,
        httpx.Request("GET", url, headers=headers_for(endpoint)),
        timeout_s=PRICES_TIMEOUT_S,
        key_removal=KeyRemoval(endpoint.key),
    )
    if not answer.is_success:
        raise error_of(answer)
    for entry in map(as_object, as_list(read_envelope(answer.body).get("data"))):
        if model == entry.get("id") or model in as_list(entry.get("aliases")):
            return entry
    return None


def prices_in(entry: JsonObject) -> TokenPrices | None:
    """Return the prices of an entry, in either form of the list; None if a price cannot be read."""
    pricing = as_object(entry.get("pricing"))
    if pricing.get("kind") != "fixed" or as_text(pricing.get("currency")).upper() != "USD":
        return None
    units = [as_object(unit) for unit in as_list(pricing.get("units"))]
    prompt_price, answer_price = (_highest_price(units, names) for names in (_PROMPT, _ANSWER))
    if prompt_price is None or answer_price is None:
        return None
    thresholds = map(as_object, as_list(pricing.get("thresholds")))
    steps = [
        _step_of_threshold(one, prompt_price, answer_price)
        for one in thresholds
        if not _is_about_cache(one)
    ]
    # One step that cannot be read could be the highest price, so the whole entry is not used.
    if None in steps:
        return None
    return TokenPrices(
        input_nano_usd=prompt_price,
        output_nano_usd=answer_price,
        answer_tokens_max=as_count(as_object(entry.get("info")).get("outputMax")) or None,
        read_nano_usd=_highest_price(units, _READ),
        written_nano_usd=_highest_price(units, _WRITTEN),
        steps=tuple(step for step in steps if step is not None),
    )


def _step_of_threshold(
    threshold: JsonObject, prompt_price: int, answer_price: int
) -> PriceStep | None:
    """Return the higher prices above a threshold; None if it holds none that can be read.

    The form of a threshold is not documented. So its prices are looked for in the threshold and
    in its `units`. Any whole number beside them may be the length from which they apply, and
    the smallest is used.
    """
    units = _units_of(threshold)
    priced = [unit for unit in units if _is_charge(unit) and _token_word(unit) in _PROMPT | _ANSWER]
    higher = {names: _highest_price(priced, names) for names in (_PROMPT, _ANSWER)}
    if not priced or any(_nano_usd(unit) is None for unit in priced):
        return None
    lengths = [as_count(value) for key, value in threshold.items() if key not in _PRICE_KEYS]
    return PriceStep(
        prompt_tokens=min((length for length in lengths if length), default=0),
        input_nano_usd=higher[_PROMPT] or prompt_price,
        output_nano_usd=higher[_ANSWER] or answer_price,
    )


def _is_about_cache(threshold: JsonObject) -> bool:
    """Return whether all prices in a threshold are prices of the cache."""
    priced = [unit for unit in _units_of(threshold) if "price" in unit]
    return bool(priced) and all(_token_word(unit) in _CACHE for unit in priced)


def _units_of(threshold: JsonObject) -> list[JsonObject]:
    return [threshold, *map(as_object, as_list(threshold.get("units")))]


def _is_charge(unit: JsonObject) -> bool:
    return unit.get("name", "token") == "token" and unit.get("type", "charge") == "charge"


def _token_word(unit: JsonObject) -> str:
    """Return the token type of a unit: `measure` in one form of the list, `origin` in the second."""
    return as_text(unit.get("measure")) or as_text(unit.get("origin"))


def _highest_price(units: list[JsonObject], names: frozenset[str]) -> int | None:
    """Return the highest price of a measure, in nano-dollars per million tokens.

    Returns:
        None if there is no price, or if one of several cannot be read.
    """
    found = [_nano_usd(unit) for unit in units if _is_charge(unit) and _token_word(unit) in names]
    readable = [price for price in found if price is not None]
    return max(readable) if readable and len(readable) == len(found) else None


def _nano_usd(unit: JsonObject) -> int | None:
    price, per = unit.get("price"), as_count(unit.get("per"))
    if isinstance(price, bool) or not isinstance(price, (int, float, str)) or not per:
        return None
    try:
        return nano_usd_from_usd(Decimal(str(price)) * TOKENS_A_PRICE / per)
    except ArithmeticError:
        return None
