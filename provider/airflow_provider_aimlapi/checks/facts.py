"""The facts that a check may find out, in the order of its table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

TITLES = {
    "system-dated": "System text, dated id",
    "system-dotted": "System text as a message, dotted id",
    "system-field-dotted": "System text in the field, dotted id",
    "dialect-dated": "Dialect of answers, dated id",
    "dialect-dotted": "Dialect of answers, dotted id",
    "finish-dated": "Finish reasons, dated id",
    "finish-dotted": "Finish reasons, dotted id",
    "content": "Text of an answer",
    "tool-dated": "Forced tool, dated id",
    "tool-dotted": "Forced tool, dotted id",
    "tool-content": "Text beside a tool's call",
    "response-format": "response_format, dotted id",
    "cache-mark": "Cache mark, dated id",
    "cache-write": "Marked text is written",
    "cache-write-price": "Price of a write",
    "cache-read": "Marked text is read",
    "cache-read-price": "Price of a read",
    "written-tokens": "prompt_tokens counts written tokens",
    "cached-tokens": "prompt_tokens counts cached tokens",
    "reasoning-tokens": "completion_tokens counts reasoning",
    "price-list": "Form of the price list",
    "error-form": "Reasons of a 400",
    "vendor-error": "Error text of the model's vendor",
    "cost-form": "Where an answer has its cost",
    "cost-match": "Cost is price x tokens",
    "log": "Client request id in the log",
}
"""The titles of the table, by the names in the JSON file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One finding.

    Attributes:
        name: a key of TITLES.
        answer: a few words; None if the fact stays open.
        evidence: the figures that show it, or the reason why it stays open.
    """

    name: str
    answer: str | None
    evidence: str


def settled_fact(name: str, answer: str, evidence: str) -> Fact:
    """Return a fact that the calls show."""
    return Fact(name=name, answer=answer, evidence=evidence)


def open_fact(name: str, reason: str) -> Fact:
    """Return a fact that stays open, with the reason."""
    return Fact(name=name, answer=None, evidence=reason)
