"""The price of a model as the price list quotes it, in the two forms that the API uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from aimlapi_simulator.catalogue.model import Model

PriceForm = Literal["origin", "measure"]
_PER = 1_000_000
_NAMES = {
    "origin": ("provided", "generated", "cached", "cache_write"),
    "measure": ("input", "output", "cached_input", "cache_write"),
}


def pricing_of(model: Model, form: PriceForm) -> dict[str, Any]:
    """Return the section `pricing` of a model: units, and the more expensive step for long prompts."""
    pricing: dict[str, Any] = {
        "kind": "fixed",
        "currency": "USD",
        "units": _quote_units(model, form, 1.0),
    }
    price = model.price
    if price.step_above is not None:
        units = _quote_units(model, form, price.step_factor)
        pricing["thresholds"] = [{"above": price.step_above, "units": units}]
    return pricing


def _quote_units(model: Model, form: PriceForm, factor: float) -> list[dict[str, Any]]:
    price = model.price
    amounts = (price.input_usd, price.output_usd, price.cached_usd, price.written_usd)
    extra = {"type": "charge"} if form == "origin" else {}
    return [
        {"name": "token", form: name, **extra, "price": round(usd * factor, 6), "per": _PER}
        for name, usd in zip(_NAMES[form], amounts, strict=True)
    ]
