"""Names of the periods, in UTC, after which a key's limit starts anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import Retention


def period_of(now_s: float, retention: Retention) -> str:
    """Return the day, ISO week or month of a moment; `ever` without a reset."""
    moment = datetime.fromtimestamp(now_s, UTC)
    formats = {"no_reset": "ever", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
    return moment.strftime(formats[retention])
