"""Customers' feedback, which the example `triage_feedback` reads."""

from __future__ import annotations

import json

TEXTS = (
    "The courier left the package in the rain. Everything in it is broken!",
    "Nice shop, quick answers, thank you.",
    "Your website asks for my password on every page.",
)


def encode_feedback() -> bytes:
    """Return the feedback as lines of JSON."""
    records = [{"id": f"feedback-{number}", "text": text} for number, text in enumerate(TEXTS, 1)]
    return "\n".join(map(json.dumps, records)).encode()
