"""The models that the simulator knows and what they cost; which parameters they take is in `schema`.

Only Sonnet 4.6 has a price that can be worked out from a documented example. The others are
made up in the same proportion to Anthropic's own list.
"""

import msgspec

from aimlapi_simulator.pricing import Price


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue.

    Attributes:
        model_id: Canonical id, with the vendor's prefix.
        aliases: Other ids that it answers to.
        upstream: What answers carry as `model`: never the id that was asked for.
        generation: `classic` takes sampling parameters, `alias` does not.
    """

    model_id: str
    aliases: tuple[str, ...]
    upstream: str
    name: str
    price: Price
    context_tokens: int
    output_tokens_max: int
    default_max_tokens: int
    is_classic: bool = False


def _newer(model_id: str, upstream: str, name: str, price: Price) -> Model:
    return Model(
        model_id=model_id,
        aliases=(upstream,),
        upstream=upstream,
        name=name,
        price=price,
        context_tokens=1_000_000,
        output_tokens_max=128_000,
        default_max_tokens=128_000,
    )


_SONNET_PRICE = Price(input_usd=3.9, output_usd=19.5)

MODELS: tuple[Model, ...] = (
    Model(
        model_id="anthropic/claude-sonnet-4.6",
        aliases=(
            "anthropic/claude-sonnet-4-6-20260218",
            "claude-sonnet-4-6-20260218",
            "claude-sonnet-4-6",
        ),
        upstream="claude-sonnet-4-6",
        name="Claude Sonnet 4.6",
        price=_SONNET_PRICE,
        context_tokens=200_000,
        output_tokens_max=64_000,
        default_max_tokens=32_000,
        is_classic=True,
    ),
    Model(
        model_id="anthropic/claude-sonnet-4.5",
        aliases=(
            "anthropic/claude-sonnet-4-5-20250929",
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-5",
        ),
        upstream="claude-sonnet-4-5-20250929",
        name="Claude Sonnet 4.5",
        price=_SONNET_PRICE,
        context_tokens=200_000,
        output_tokens_max=64_000,
        default_max_tokens=32_000,
        is_classic=True,
    ),
    _newer(
        "anthropic/claude-sonnet-latest", "claude-sonnet-latest", "Claude Sonnet", _SONNET_PRICE
    ),
    _newer("anthropic/claude-sonnet-5", "claude-sonnet-5", "Claude Sonnet 5", _SONNET_PRICE),
    _newer(
        "anthropic/claude-opus-5",
        "claude-opus-5",
        "Claude Opus 5",
        Price(input_usd=6.5, output_usd=32.5),
    ),
    _newer(
        "anthropic/claude-haiku-latest",
        "claude-haiku-latest",
        "Claude Haiku",
        Price(input_usd=1.3, output_usd=6.5),
    ),
    _newer(
        "anthropic/claude-fable-5",
        "claude-fable-5",
        "Claude Fable 5",
        Price(input_usd=13.0, output_usd=65.0),
    ),
)

BY_ID: dict[str, Model] = {
    name: model for model in MODELS for name in (model.model_id, *model.aliases)
}
