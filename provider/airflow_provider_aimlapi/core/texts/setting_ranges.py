"""The range of each setting of a run. Both the parsing of a DAG and the run check it. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from airflow_provider_aimlapi.core.texts.number_range import check_number, check_whole_number
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OnExisting = Literal["replace", "error"]
"""What happens to another run's result at the output path."""
OnTruncated = Literal["keep", "raise"]
"""What happens to an answer that `max_tokens` cut off."""
Caching = Literal["auto", "never"]
"""Whether the text that all requests begin with is marked for the prompt cache."""
# More tasks share one key, whose limit they would only divide further.
WORKERS_MAX = 64
SAMPLE_ROWS_MAX = 1_000
"""An estimate is for spending little. The margin halves only with four times the rows."""
ANSWER_TOKENS_MAX = 1_000_000
# Each call takes a socket, and a process may seldom open more.
CONCURRENCY_MAX = 10_000
# With pauses of a minute, a row would be sent for hours.
ATTEMPTS_MAX = 100
# No limit in effect, and still exact as a float.
PER_MINUTE_MAX = 10**12
REPAIRS_MAX = 3
"""An answer that is still invalid then shows that the schema or the prompt is wrong."""


def _check_row_limit(name: str, value: object) -> None:
    """Refuse what is neither a number of rows nor a fraction of them."""
    # 1.0 is refused, because a reader takes it for 1: all rows, or one.
    if isinstance(value, float) and value == 1.0:
        raise InvalidSpec(
            f"{name}={value!r}: give None to allow all rows, or the int 1 to allow one."
        )
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not is_count and not (isinstance(value, float) and 0 <= value < 1):
        raise InvalidSpec(
            f"{name}={value!r}: give a number of rows (an int, 0 or more), a fraction of them (a "
            f"float, from 0.0 to below 1.0), or None for no limit."
        )


_per_minute = partial(check_whole_number, least=1, most=PER_MINUTE_MAX)
_above_zero = partial(check_number, above=0)

_CHECKS: Mapping[str, Callable[[str, object], None]] = {
    "max_concurrency": partial(check_whole_number, least=1, most=CONCURRENCY_MAX),
    "max_attempts": partial(check_whole_number, least=1, most=ATTEMPTS_MAX),
    "request_timeout_s": _above_zero,
    "max_cost_usd": _above_zero,
    "max_rejected_rows": _check_row_limit,
    "max_truncated_rows": _check_row_limit,
    "requests_per_minute": _per_minute,
    "tokens_per_minute": _per_minute,
    "limit_rows": partial(check_whole_number, least=1),
    "repairs": partial(check_whole_number, least=0, most=REPAIRS_MAX),
    "share": partial(check_whole_number, least=0, most=WORKERS_MAX - 1),
    "workers": partial(check_whole_number, least=1, most=WORKERS_MAX),
    "sample_rows": partial(check_whole_number, least=0, most=SAMPLE_ROWS_MAX),
    "answer_tokens": partial(check_whole_number, least=1, most=ANSWER_TOKENS_MAX),
    "flush_interval_s": _above_zero,
    "unflushed_rows_max": partial(check_whole_number, least=1, most=CONCURRENCY_MAX),
    "progress_interval_s": _above_zero,
    "stall_timeout_s": _above_zero,
    "lease_ttl_s": _above_zero,
}
_MAY_BE_NONE = frozenset(
    {
        "answer_tokens",
        "limit_rows",
        "share",
        "max_cost_usd",
        "max_rejected_rows",
        "max_truncated_rows",
        "requests_per_minute",
        "tokens_per_minute",
    }
)


def check_settings(values: Mapping[str, object]) -> None:
    """Check the settings that have a range, by their names.

    Raises:
        InvalidSpec: a value is outside of its range. The text names the setting and a correct value.
    """
    for name, check in _CHECKS.items():
        if name in values and not (values[name] is None and name in _MAY_BE_NONE):
            check(name, values[name])
