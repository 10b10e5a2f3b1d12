"""Sorts the finish reasons of all vocabularies by what they mean for an answer. Pure.

A gateway may pass on an upstream's own word. Case, blanks and hyphens do not matter.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Meaning: TypeAlias = Literal["ok", "truncated", "refused", "failed"]

_TRUNCATING = frozenset(
    {
        *("max_tokens", "length", "model_context_window_exceeded"),
        *("max_output_tokens", "max_length", "model_length", "error_limit"),
    }
)
_REFUSING = frozenset(
    {
        *("refusal", "content_filter", "content_filtered", "guardrail_intervened", "sensitive"),
        *("safety", "image_safety", "recitation", "blocklist", "prohibited_content", "spii"),
        "error_toxic",
    }
)
_FAILING = frozenset({"insufficient_system_resource", "time_limit"})
_FAILING_PARTS = frozenset(
    {
        *("error", "exception", "fail", "failed", "failure", "malformed", "unavailable"),
        *("abort", "aborted", "cancel", "canceled", "cancelled", "interrupted"),
        *("overloaded", "timeout"),
    }
)
"""Each gateway has its own words for a generation that broke off: `network_error`,
`engine_overloaded`. One of these is a part of most of them."""


def meaning_of(reason: str | None) -> Meaning:
    """Return what a finish reason means. An unknown word, and none, count as `ok`."""
    word = "_".join((reason or "").lower().replace("-", " ").replace("_", " ").split())
    if word in _REFUSING:
        return "refused"
    if word in _TRUNCATING:
        return "truncated"
    is_failing = word in _FAILING or not _FAILING_PARTS.isdisjoint(word.split("_"))
    return "failed" if is_failing else "ok"
