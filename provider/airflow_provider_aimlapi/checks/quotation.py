"""Fetches the price list's entries of the two checked ids. Free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.messages.json_values import JsonObject, as_list, as_object
from airflow_provider_aimlapi.api.price_list import fetch_entry, prices_in
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.plan import DATED, DOTTED
from airflow_provider_aimlapi.core.money.pricing import TokenPrices
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.errors import ApiError

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

UNAUTHORIZED = 401
_FORMS = ("origin", "measure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """The prices of the checked ids.

    Attributes:
        prices: by model id, without ids that the list lacks or describes in another form.
        form: the fact about the list's own form.
    """

    prices: dict[str, TokenPrices]
    form: Fact

    @property
    def highest_prices(self) -> TokenPrices | None:
        """Return the prices that bound every call; None if the list has none."""
        if not self.prices:
            return None
        return TokenPrices(
            input_nano_usd=max(one.input_nano_usd for one in self.prices.values()),
            output_nano_usd=max(one.output_nano_usd for one in self.prices.values()),
        )


async def fetch_quotation(endpoint: Endpoint) -> Quotation:
    """Return the prices of the two ids.

    Raises:
        ApiError: the API refuses the key, or cannot be reached. After any other error, prices are
            missing.
    """
    # Without a connection or with a refused key, the calls cannot succeed either. After any other error
    # the check still makes the one call that needs no price.
    entries: dict[str, JsonObject] = {}
    reason = "the price list has neither id"
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        for model in (DATED, DOTTED):
            try:
                entry = await fetch_entry(endpoint, transport, model)
            except ApiError as error:
                if error.status in (None, UNAUTHORIZED):
                    raise
                reason = str(error)
                continue
            if entry is not None:
                entries[model] = entry
    prices = {model: prices_in(entry) for model, entry in entries.items()}
    known = {model: found.prices_at(_LONGEST_PROMPT) for model, found in prices.items() if found}
    return Quotation(prices=known, form=_form_fact(entries, known, reason))


_LONGEST_PROMPT = 5_000
"""In tokens. Every call of a check is shorter, so prices of long prompts do not apply."""


def _form_fact(entries: dict[str, JsonObject], prices: dict[str, TokenPrices], reason: str) -> Fact:
    name = "price-list"
    if not entries:
        return open_fact(name, reason)
    units = [
        as_object(unit)
        for entry in entries.values()
        for unit in as_list(as_object(entry.get("pricing")).get("units"))
    ]
    forms = [form for form in _FORMS if any(form in unit for unit in units)]
    if not forms:
        return open_fact(name, "its units have neither an origin nor a measure")
    if not prices:
        return settled_fact(name, " and ".join(forms), "it has no readable price")
    input_price, output_price = (
        format_usd(max(getattr(one, field) for one in prices.values()))
        for field in ("input_nano_usd", "output_nano_usd")
    )
    return settled_fact(
        name, " and ".join(forms), f"{input_price} in, {output_price} out, a million tokens"
    )
