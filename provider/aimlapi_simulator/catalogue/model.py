"""One model: its ids, its limits, and what the vendor behind the API accepts for it."""

from typing import Literal

import msgspec

from aimlapi_simulator.pricing import Price

Dialect = Literal["superset", "classic", "newer", "effort", "closed"]
"""The fields that a body may have. `effort` is `newer` with `reasoning_effort`. `closed` is `classic`
in the older documents, whose parts take no further names."""
ThinkingKind = Literal["enabled", "disabled", "adaptive"]
VENDOR = "anthropic/"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue.

    Attributes:
        model_id: canonical id, with the vendor's prefix.
        superset: ids, without the prefix, that use the superset dialect.
        native: ids, without the prefix, that use the model's native dialect.
        native_dialect: the dialect of those ids.
        upstream: value of `model` in answers, which is never the id that was sent.
        thinking: kinds of `thinking` that the vendor accepts.
        is_thinking: whether it thinks if a request does not set `thinking`.
        has_sampling: whether it takes temperature, top_p and top_k.
        has_prefill: whether a conversation may end with an assistant's turn.
        has_forced_tools: whether a request may force a tool.
        cache_tokens_min: shortest prefix that the prompt cache stores.
    """

    model_id: str
    superset: tuple[str, ...]
    native: tuple[str, ...]
    native_dialect: Dialect
    upstream: str
    name: str
    price: Price
    context_tokens: int
    output_tokens_max: int
    thinking: frozenset[ThinkingKind]
    is_thinking: bool = False
    has_sampling: bool = False
    has_prefill: bool = False
    has_forced_tools: bool = True
    cache_tokens_min: int = 1024

    @property
    def alias_ids(self) -> tuple[str, ...]:
        """All other ids that it answers to."""
        stems = (*self.superset, *self.native)
        names = (name for stem in stems for name in (f"{VENDOR}{stem}", stem))
        return tuple(name for name in names if name != self.model_id)

    def dialect_of(self, name: str) -> Dialect:
        """Return the dialect of this id in the live documents."""
        stem = name.removeprefix(VENDOR)
        return "superset" if stem in self.superset else self.native_dialect

    def older_dialect_of(self, name: str) -> Dialect:
        """Return the dialect of this id in the older documents: the native one for every spelling."""
        if "sonnet-4" in name and self.native_dialect == "classic":
            return "closed"
        return self.native_dialect
