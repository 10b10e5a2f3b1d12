"""The table of models.

Prices come from the vendor's list if it has the model. Other prices are invented in proportion.
The price of Sonnet 4.6 follows from the documented example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_simulator.catalogue.model import VENDOR, Dialect, Model
from aimlapi_simulator.pricing import Price

if TYPE_CHECKING:
    from aimlapi_simulator.catalogue.model import ThinkingKind

_ALL: frozenset[ThinkingKind] = frozenset({"enabled", "disabled", "adaptive"})
_BUDGET: frozenset[ThinkingKind] = frozenset({"enabled", "disabled"})
_ADAPTIVE: frozenset[ThinkingKind] = frozenset({"adaptive", "disabled"})
_ALWAYS: frozenset[ThinkingKind] = frozenset({"adaptive"})

_OLD = {
    "native_dialect": "classic",
    "context_tokens": 200_000,
    "output_tokens_max": 64_000,
    "thinking": _BUDGET,
    "has_sampling": True,
    "has_prefill": True,
}
_CLAUDE_4_6 = _OLD | {"thinking": _ALL, "has_prefill": False}
_NEWER = {
    "native_dialect": "newer",
    "context_tokens": 1_000_000,
    "output_tokens_max": 128_000,
    "thinking": _ADAPTIVE,
}
_CLAUDE_5 = _NEWER | {"is_thinking": True}
_CLAUDE_5_5 = _CLAUDE_5 | {
    "native_dialect": "effort",
    "thinking": _ALWAYS,
    "has_forced_tools": False,
    "cache_tokens_min": 512,
}


def _make_model(stem: str, price: Price, family: dict[str, Any], **changes: Any) -> Model:
    """Return a model whose canonical id, other ids and name follow from the stem."""
    dashed = stem.replace(".", "-")
    fields: dict[str, Any] = {
        "model_id": f"{VENDOR}{stem}",
        "superset": (stem,),
        "native": (dashed,),
        "upstream": dashed,
        "name": stem.replace("-", " ").title(),
        "price": price,
    }
    return Model(**(fields | family | changes))


def _make_latest(kind: str, price: Price) -> Model:
    """Return a model whose id follows the newest version. It has no native id."""
    return _make_model(f"claude-{kind}-latest", price, _NEWER, native=())


_SONNET = Price(input_usd=3.9, output_usd=19.5)
_HAIKU = Price(input_usd=1.3754, output_usd=6.877)
_OPUS = Price(input_usd=6.877, output_usd=34.385)
_FIRST_OPUS = Price(input_usd=20.631, output_usd=103.155)
_FAST_OPUS = Price(input_usd=41.262, output_usd=206.31)
_SONNET_5 = Price(input_usd=2.6, output_usd=13.0)
_OPUS_5 = Price(input_usd=6.5, output_usd=32.5)
_FABLE = Price(input_usd=13.0, output_usd=65.0)

MODELS: tuple[Model, ...] = (
    _make_model(
        "claude-sonnet-4.6",
        _SONNET,
        _CLAUDE_4_6,
        native=("claude-sonnet-4-6", "claude-sonnet-4-6-20260218"),
    ),
    _make_model("claude-opus-4.6", _OPUS, _CLAUDE_4_6, cache_tokens_min=4096),
    _make_model(
        "claude-sonnet-4.5",
        _SONNET,
        _OLD,
        native=("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        upstream="claude-sonnet-4-5-20250929",
    ),
    _make_model(
        "claude-haiku-4.5",
        _HAIKU,
        _OLD,
        native=("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        cache_tokens_min=4096,
    ),
    _make_model(
        "claude-opus-4.5",
        _OPUS,
        _OLD,
        native=("claude-opus-4-5", "claude-opus-4-5-20251101"),
        cache_tokens_min=4096,
    ),
    _make_model(
        "claude-opus-4.1",
        _FIRST_OPUS,
        _OLD,
        native=(
            "claude-opus-4-1",
            "claude-opus-4-1-20250805",
            "claude-opus-4.1-20250805",
            "claude-opus-4-1-latest",
        ),
        output_tokens_max=32_000,
    ),
    _make_model("claude-opus-4", _FIRST_OPUS, _OLD, native=(), output_tokens_max=32_000),
    _make_model("claude-sonnet-4", _SONNET, _OLD, native=()),
    _make_model(
        "claude-3-haiku",
        Price(input_usd=0.34385, output_usd=1.71925),
        _OLD,
        native=(),
        output_tokens_max=4_096,
    ),
    _make_model("claude-opus-4.7", _OPUS, _NEWER, cache_tokens_min=4096),
    _make_model("claude-opus-4.7-fast", _FAST_OPUS, _NEWER, native=(), cache_tokens_min=4096),
    _make_model("claude-opus-4.8", _OPUS, _NEWER),
    _make_model("claude-opus-4.8-fast", _FAST_OPUS, _NEWER, native=()),
    _make_model("claude-sonnet-5", _SONNET_5, _CLAUDE_5, superset=(), native=("claude-sonnet-5",)),
    _make_model(
        "claude-opus-5",
        _OPUS_5,
        _CLAUDE_5,
        superset=(),
        native=("claude-opus-5",),
        cache_tokens_min=512,
    ),
    _make_model("claude-fable-5", _FABLE, _CLAUDE_5, superset=(), native=("claude-fable-5",)),
    _make_model(
        "claude-sonnet-5-5",
        Price(input_usd=2.6, output_usd=13.0, read_share=0.05),
        _CLAUDE_5_5,
        superset=(),
    ),
    _make_model("claude-opus-5-5", _OPUS_5, _CLAUDE_5_5, superset=()),
    _make_model(
        "claude-fable-5-1",
        Price(input_usd=13.0, output_usd=65.0, read_share=0.025),
        _CLAUDE_5_5,
        superset=(),
    ),
    _make_model(
        "claude-haiku-5.5",
        Price(input_usd=1.3, output_usd=6.5, step_above=100_000, step_factor=2.0),
        _CLAUDE_5_5,
        superset=(),
        native=("claude-haiku-5.5", "claude-haiku-5-5"),
    ),
    _make_latest("sonnet", _SONNET),
    _make_latest("opus", _OPUS_5),
    _make_latest("haiku", Price(input_usd=1.3, output_usd=6.5)),
    _make_latest("fable", _FABLE),
)

BY_ID: dict[str, Model] = {
    name: model for model in MODELS for name in (model.model_id, *model.alias_ids)
}
_LIVE: dict[str, tuple[Model, Dialect]] = {
    name: (model, model.dialect_of(name)) for name, model in BY_ID.items()
}
_OLDER: dict[str, tuple[Model, Dialect]] = {
    name: (model, model.older_dialect_of(name)) for name, model in BY_ID.items()
}


def spoken_by(name: str, *, is_older: bool) -> tuple[Model, Dialect] | None:
    """Return the model of an id and the dialect that the id speaks; None for an unknown id."""
    return (_OLDER if is_older else _LIVE).get(name)
