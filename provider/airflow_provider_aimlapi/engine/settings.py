"""The limits and times of a run. None of them changes what the output contains."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import get_args

from airflow_provider_aimlapi.core.durable.bounds import TOTAL_NANO_USD_MAX
from airflow_provider_aimlapi.core.durable.lease import LeaseTimes
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.core.pacing.allowance import (
    ANSWER_TOKENS,
    RequestAllowance,
    TokenAllowance,
)
from airflow_provider_aimlapi.core.texts.setting_ranges import Caching, check_settings
from airflow_provider_aimlapi.errors import InvalidSpec

STORE_REQUEST_S_MAX = 60.0
"""The longest that a copy within the store may take to arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a run.

    Attributes:
        max_concurrency: the most calls in flight, 1 to 10,000.
        max_attempts: the failed calls of one row that reject it, over all attempts. Calls that fail
            while nothing is answered, and those answered 429, do not count.
        request_timeout_s: for one call, from connecting to the answer's last byte.
        max_cost_usd: the budget of the run over all its attempts; None for none.
        max_rejected_rows: an int is a number of rows, a float a fraction of them; one more ends the
            run without publishing. None for no limit.
        max_truncated_rows: the same for answers that were cut off at `max_tokens`.
        requests_per_minute: the most requests of this run in any minute. None: found out by trying.
        tokens_per_minute: the same for the tokens of prompts and answers together.
        retry_rejected: whether rows that an earlier attempt rejected are sent again.
        check_arrival: whether the first answers must show that the system text arrives.
        cache_prompt: "auto" marks the text that all requests begin with for the API's prompt cache, if
            it is long enough and the answers show that it is read from there.
        flush_interval_s: the most seconds between a paid answer and its journal segment.
        unflushed_rows_max: the number of paid answers that are journaled without waiting for
            `flush_interval_s`; see `at_risk_max`.
        progress_interval_s: seconds between two progress lines in the log.
        stall_timeout_s: the run ends after this many seconds in which calls fail and none succeeds. It
            is longer if calls take minutes to fail; see `STALL_CALLS` in `core.verdicts.failures`.
        starts_with_probe: whether the first call goes alone, and the run ends at once if it fails. For a
            task that was parked because nothing succeeded.
        lease_ttl_s: how long a heartbeat extends the right to pay. After a kill -9, the next attempt
            waits this long and a sixth more, because it cannot know that the process is gone.

    Raises:
        InvalidSpec: at construction, naming the argument.
    """

    max_concurrency: int = 256
    max_attempts: int = 8
    request_timeout_s: float = 300.0
    max_cost_usd: float | None = None
    max_rejected_rows: float | None = 0.1
    max_truncated_rows: float | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    retry_rejected: bool = False
    check_arrival: bool = True
    cache_prompt: Caching = "auto"
    flush_interval_s: float = 1.0
    unflushed_rows_max: int = 64
    progress_interval_s: float = 5.0
    stall_timeout_s: float = 600.0
    starts_with_probe: bool = False
    lease_ttl_s: float = 30.0

    def __post_init__(self) -> None:
        check_settings(asdict(self))
        if self.cache_prompt not in get_args(Caching):
            raise InvalidSpec(f'cache_prompt={self.cache_prompt!r}: give "auto" or "never".')

    @property
    def budget_nano_usd(self) -> int | None:
        """Return `max_cost_usd` in nano-dollars, at most what can be spent at all."""
        if self.max_cost_usd is None:
            return None
        return min(round(self.max_cost_usd * NANO_USD_PER_USD), TOTAL_NANO_USD_MAX)

    @property
    def at_risk_max(self) -> int:
        """Return the most paid rows that a kill can lose. No call is made beyond it.

        It counts the calls in flight, the rows of a waiting segment, and those of a segment that is
        being written. Without the last, calls would wait whenever a segment is written.
        """
        unflushed, in_flight = self.unflushed_rows_max, self.max_concurrency
        return in_flight + unflushed + min(unflushed, in_flight)

    @property
    def lease_times(self) -> LeaseTimes:
        """Return the lease's durations."""
        return LeaseTimes(ttl_s=self.lease_ttl_s, request_timeout_s=self.request_timeout_s)

    @property
    def publication_times(self) -> LeaseTimes:
        """Return the durations of the lease on the visible files. Its requests go to the store.

        A copy that a dead process has requested may arrive over the files of the next attempt.
        """
        store_timeout_s = min(STORE_REQUEST_S_MAX, self.request_timeout_s)
        return LeaseTimes(
            ttl_s=self.lease_ttl_s, request_timeout_s=store_timeout_s, landing_s=store_timeout_s
        )

    def request_allowance(self) -> RequestAllowance | None:
        """Return the unused allowance of requests; None for no limit."""
        given = self.requests_per_minute
        return None if given is None else RequestAllowance(per_minute=given)

    def token_allowance(self, max_tokens: int | None) -> TokenAllowance | None:
        """Return the unused allowance of tokens; `max_tokens` bounds the first answers."""
        given = self.tokens_per_minute
        if given is None:
            return None
        return TokenAllowance(per_minute=given, answer_tokens=max_tokens or ANSWER_TOKENS)

    def rejections_allowed(self, rows: int) -> int:
        """Return how many of a run's rows may be rejected before it ends."""
        return _rows_allowed(self.max_rejected_rows, rows)

    def truncations_allowed(self, rows: int) -> int:
        """Return how many of a run's answers may be truncated before it ends."""
        return _rows_allowed(self.max_truncated_rows, rows)


def _rows_allowed(limit: float | None, rows: int) -> int:
    if limit is None:
        return rows
    if isinstance(limit, int):
        return limit
    return math.floor(Fraction(str(limit)) * rows)  # 0.29 of 100 rows is 29, not 28.99…
