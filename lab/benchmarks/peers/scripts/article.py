"""The class of six fields whose objects the typed peers return. `lab.benchmarks.typed` has its schema."""

from __future__ import annotations

from datetime import date  # noqa: TC003  # pydantic evaluates it
from typing import Literal

from pydantic import BaseModel, Field


class Article(BaseModel):
    """What an article is about."""

    topic: Literal["economy", "war", "law", "other"]
    urgency: int = Field(ge=1, le=5)
    amount_usd: float | None = None
    day: date
    tags: list[str]
    summary: str
